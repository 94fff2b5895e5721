#!/bin/sh
export PGPASSWORD=$(cat /run/password)
PASSWORD=$DB_PASSWORD
pg_dump --host "$HOST" > /backup/dump.sql
