# SPDX-License-Identifier: Apache-2.0
"""The suite behind bench/run.sh. scenarios.py says what is measured, goals.py what is judged."""
