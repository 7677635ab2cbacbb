"""The steps from one schema to the next, run by Alembic inside one transaction of `storage.archive.migrate`."""
