"""What a load balancer asks the web process, whatever host name it comes by."""

import pytest
from django.db import connection

ANY_HOST = {"HTTP_HOST": "10.0.0.7"}


def test_a_process_that_lives_says_so_without_a_database(client):
    response = client.get("/healthz", **ANY_HOST)

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_it_is_ready_where_both_services_answer(client):
    response = client.get("/readyz", **ANY_HOST)

    assert (response.status_code, response.json()) == (200, {"database": "ok", "redis": "ok"})


@pytest.mark.django_db
def test_without_redis_it_is_ready_and_says_what_that_means(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1"

    response = client.get("/readyz", **ANY_HOST)

    assert response.status_code == 200
    assert response.json()["redis"].startswith("Redis does not answer")


@pytest.mark.django_db
def test_a_database_behind_the_code_is_not_ready(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'events'")

    response = client.get("/readyz", **ANY_HOST)

    assert response.status_code == 503
    assert "run `python manage.py migrate` first" in response.json()["database"]
