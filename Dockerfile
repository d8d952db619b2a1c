# The production image. It was written where no container engine was at hand to build it: what could be
# checked without one is (tests/operations/test_production.py); until someone has built it, take it as a draft.

FROM python:3.11-slim AS packages
COPY requirements/uv.txt requirements/production.txt /requirements/
RUN python -m venv /uv \
    && /uv/bin/pip install --no-cache-dir --require-hashes --requirement /requirements/uv.txt \
    && python -m venv --without-pip /venv \
    && /uv/bin/uv pip install --no-cache --compile-bytecode --python /venv/bin/python \
        --require-hashes --requirement /requirements/production.txt

FROM packages AS files
ENV PATH=/venv/bin:$PATH
WORKDIR /app
COPY . .
# Collecting static files opens no connection and no seal: these stand in for the real settings.
RUN DATABASE_URL=postgres://build/build REDIS_URL=redis://build ALLOWED_HOSTS=build \
    SECRET_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    CURSOR_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    SEALING_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    python manage.py collectstatic --no-input

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PROMETHEUS_MULTIPROC_DIR=/tmp/metrics
RUN useradd --system --uid 10001 --no-create-home tradecounter \
    && install --directory --owner 10001 /spool
COPY --from=packages /venv /venv
COPY --from=files /app /app
WORKDIR /app
# Whatever is written goes to /tmp and /spool; the rest may be mounted read-only.
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "config/probe.py", "http://127.0.0.1:8000/readyz"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers", \
     "--log-config", "config/granian.json", "config.wsgi:application"]
