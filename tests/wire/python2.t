#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Does a client in Python 2.7, which is what the protocol was made for, get on with our server?
# Finds such a Python; client27.py does the rest.
set -u
here=$(dirname "$0")

# A name on PATH may be a shim for something that is not there: only running it tells.
for python in python2.7 python2 "$(pyenv prefix 2.7.18 2>/dev/null)/bin/python2.7"; do
	version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
	[[ $version == 2.7 ]] && exec "$python" -B "$here/client27.py"
done
echo 1..1
echo "ok 1 # SKIP no python2.7"
