# One image for every process: the command says which (see Procfile and docker-compose.yml).
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
RUN useradd --system --uid 10001 app && mkdir /data && chown app /data
USER app
ENV DATA_DIR=/data HOST=0.0.0.0 PORT=3001
VOLUME /data
EXPOSE 3001
CMD ["gunicorn", "--config", "gunicorn.conf.py", "restaurant_integration.wsgi"]
