#!/usr/bin/env python3
"""The main job from Python: finds the configuration that downloads an object fastest from here, and uses it.

examples/tune_download.py s3://bucket/key [--endpoint-url URL] [--max-time 80s] [--anonymous]
"""

import argparse
import tempfile

from skipjack import s3

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("uri")
parser.add_argument("--endpoint-url")
parser.add_argument("--max-time", default="80s")
parser.add_argument("--anonymous", action="store_true")
arguments = parser.parse_args()
access = {"endpoint_url": arguments.endpoint_url, "anonymous": arguments.anonymous}

verdict = s3.tune(arguments.uri, max_time=arguments.max_time, quiet=False, **access)
for row in verdict["rows"]:
    gain = row["gain"]
    times = f"{gain['ratio']:.2f} times as fast [{gain['lower']:.2f}, {gain['upper']:.2f}]" if gain else ""
    print(f"{row['label']:28} {row['median_seconds']:8.3f} s   {times}")

# None where there was no time to compare anything: then the engine is left to itself.
winner = next((row for row in verdict["rows"] if row["name"] == verdict["answer"]), {"label": "no verdict"})
values = winner.get("configuration", {})
config = s3.TransferConfig(**{name: value for name, value in values.items() if value is not None})
print(f"\nexperiment {verdict['experiment']}: {winner['label']}, {config}")
bucket, key = arguments.uri.removeprefix("s3://").split("/", 1)
with tempfile.TemporaryDirectory() as folder:
    result = s3.download_file(bucket, key, f"{folder}/object", Config=config, **access)
print(f"downloaded {result['bytes']} bytes with it in {result['seconds']:.3f} s")
