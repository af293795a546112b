"""The program's settings, with what counts queries and calls in front."""

from restaurant_integration.settings import *  # noqa: F403
from restaurant_integration.settings import MIDDLEWARE as _PLAIN

MIDDLEWARE = ["benchmarks.dashboards.counting.Counting", *_PLAIN]
# Neither side may be held back, or the worse of the two would look better than it is.
API_RATE_LIMIT_PER_MINUTE = 1_000_000
