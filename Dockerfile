# One image for every process: the command says which (see Procfile and docker-compose.yml).

# What is only needed to install stays in this stage.
FROM python:3.11-slim AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install -r requirements.txt

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin app && mkdir /data && chown app /data
COPY --from=packages /venv /venv
WORKDIR /app
# Root's and read-only to whoever runs it.
COPY . .
# Compiled once, since nothing can be written later.
RUN python -m compileall -q .
USER app
ENV DATA_DIR=/data HOST=0.0.0.0 PORT=3001
VOLUME /data
EXPOSE 3001 3003
CMD ["gunicorn", "--config", "gunicorn.conf.py", "restaurant_integration.wsgi"]
