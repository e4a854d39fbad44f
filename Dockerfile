# The desk without a browser; the same image serves screens. How to run both: docs/serving.md
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PAIRSIGHT_DB=/data/pairsight.db

# It may write its data, and nothing else.
RUN groupadd --system --gid 10001 pairsight \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin pairsight \
    && install -d -o pairsight -g pairsight /data

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY .streamlit/config.toml .streamlit/
COPY app.py ./
COPY core core
COPY ingestion ingestion
COPY storage storage
COPY analytics analytics
COPY desk desk
COPY simulator simulator
COPY ui ui

USER 10001:10001
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:9711/healthz', timeout=5)"]
CMD ["python", "-m", "desk", "--log", "json", "--health-port", "9711"]
