"""Measure the whole product on one machine: rates, waits, CPU, memory, and that no mail is lost."""
