# The production image. It was written where no container engine was at hand to build it:
# until someone has, take it as a draft.

FROM python:3.11-slim AS packages
COPY requirements/uv.txt requirements/production.txt /requirements/
RUN python -m venv /uv \
    && /uv/bin/pip install --no-cache-dir --require-hashes --requirement /requirements/uv.txt \
    && python -m venv --without-pip /venv \
    && /uv/bin/uv pip install --no-cache --compile-bytecode --python /venv/bin/python \
        --require-hashes --requirement /requirements/production.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home tradecounter
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
# Collecting static files opens no connection and no seal: these stand in for the real settings.
RUN DATABASE_URL=postgres://build/build REDIS_URL=redis://build ALLOWED_HOSTS=build \
    SECRET_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    CURSOR_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    SEALING_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    python manage.py collectstatic --no-input
USER tradecounter
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "4", "config.wsgi:application"]
