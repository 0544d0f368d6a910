# One image for every process; docker-compose.yml says which command each one runs.
FROM python:3.12-slim AS built
WORKDIR /srv/cloudmta
COPY requirements.txt .
RUN python -m venv /srv/venv && /srv/venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /srv/var --uid 10001 cloudmta
WORKDIR /srv/cloudmta
ENV PATH=/srv/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VAR_DIR=/srv/var \
    STATIC_ROOT=/srv/static
COPY --from=built /srv/venv /srv/venv
COPY . .
# Only to gather files: none of these values is ever used to serve.
RUN DATABASE_URL=postgres://nowhere/none REDIS_URL=redis://nowhere ALLOWED_HOSTS=nowhere \
    SECRET_KEY=only-to-gather-static-files-in-the-image-nothing-else MASTER_KEYS=none \
    python manage.py collectstatic --noinput
USER cloudmta
VOLUME /srv/var
CMD ["gunicorn", "cloudmta.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", "--no-control-socket"]
