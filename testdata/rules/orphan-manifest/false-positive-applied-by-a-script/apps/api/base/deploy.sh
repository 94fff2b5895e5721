#!/bin/sh
here=$(dirname "$0")
kubectl apply -f $here/versions.yaml
