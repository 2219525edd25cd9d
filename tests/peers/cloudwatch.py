"""Speaks with a stand-in for AWS as its own library does.

cloudwatch.py PORT user                            makes a user who may write and read logs; prints key and secret
cloudwatch.py PORT read GROUP STREAM KEY SECRET    prints every event of a stream, a JSON line each
"""

import json
import sys

import boto3

port, verb, *rest = sys.argv[1:]


def client(service, key="setup", secret="setup"):
    return boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


if verb == "user":
    iam = client("iam")
    iam.create_user(UserName="agent")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="agent", PolicyName="logs", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="agent")["AccessKey"]
    print(key["AccessKeyId"], key["SecretAccessKey"])
else:
    group, stream, *keys = rest
    logs = client("logs", *keys)
    token = None
    while True:
        more = {"nextToken": token} if token else {}
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **more)
        for event in page["events"]:
            print(json.dumps({"timestamp": event["timestamp"], "message": event["message"]}))
        if page["nextForwardToken"] == token or not page["events"]:
            break
        token = page["nextForwardToken"]
