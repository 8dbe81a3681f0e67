# The image of all processes. It runs web by default; the Procfile has the commands of the others.
# There is no HEALTHCHECK, because it depends on the command: whoever sets the command sets the check.

# Python's minor version is the one that `make lock` compiles requirements.txt for.
FROM python:3.11.15-slim-bookworm AS build

WORKDIR /build
COPY requirements.txt ./
# Wheels only: nothing is compiled, so there is no compiler to remove.
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --only-binary :all: \
    --requirement requirements.txt
# The framework is installed, not copied: `celery sqs` is an entry point.
COPY pyproject.toml ./
COPY celery_sqs celery_sqs/
RUN pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --no-deps .


FROM python:3.11.15-slim-bookworm

# The service installs nothing, and an intruder must not be able to.
RUN pip uninstall --yes --root-user-action ignore pip setuptools wheel

# The certificate authorities of RDS, for DATABASE_URL=...?ssl_ca=/etc/ssl/certs/rds.pem. AWS adds to this file, so it is not pinned.
ADD --chmod=444 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/certs/rds.pem

ENV PATH="/venv/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    BIND_HOST=0.0.0.0

WORKDIR /srv
COPY --from=build /venv /venv
# pyproject.toml has Alembic's settings, and Flower reads flowerconfig.py from the working directory.
COPY pyproject.toml flowerconfig.py ./
COPY config config/
COPY orders orders/
COPY tasks tasks/
COPY app app/
# The file system may be read-only, so it cannot be done later.
RUN python -m compileall -q config orders tasks app

USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "-c", "config/gunicorn.py", "app:create_app()"]
