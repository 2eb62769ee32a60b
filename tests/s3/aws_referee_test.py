"""The same files and environment to our engine and to botocore: the same URL, the same region in the
signature, the same access key, and the same questions to whoever hands out keys (a server on the
loopback plays them all). Nothing is sent to S3: botocore's requests are caught before they leave."""
import hashlib
import http.server
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

import botocore.credentials
import botocore.endpoint_provider
import botocore.exceptions
import botocore.loaders
import botocore.session
import botocore.tokens

PROBE = sys.argv.pop(1)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "secret"}
# botocore signs for us-east-1's old global host unless told; ours always takes the regional one.
COMMON = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "regional"}
ACCESS_POINT = "arn:{}:s3:{}:123456789012:accesspoint{}my-point"


LOADER = botocore.loaders.Loader()  # Reading the models takes longer than all the rest.


class Caught(Exception):
    pass


def botocores_answer(case):
    os.environ.clear()
    os.environ.update(case["environment"])
    # It looked for its home when it was imported.
    cache = os.path.join(os.environ["HOME"], ".aws/sso/cache")
    botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = cache
    botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = cache
    try:
        session = botocore.session.Session(profile=case.get("profile"))
        session.register_component("data_loader", LOADER)
        client = session.create_client("s3", region_name=None if session.get_config_variable("region") else "us-east-1")
        caught = {}

        def catch(request, **_):
            caught.update(url=request.url, authorization=request.headers["Authorization"].decode(),
                          token=request.headers.get("X-Amz-Security-Token", b"").decode())
            raise Caught

        client.meta.events.register("before-send.s3", catch)
        try:
            client.get_object(Bucket=case["bucket"], Key=case["object"])
        except Caught:
            pass
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        return {"error": repr(error)}
    key, _, region = caught["authorization"].split("Credential=")[1].split("/")[:3]
    return {"key": key, "token": caught["token"], "url": caught["url"], "region": region}


class KeyServer(http.server.BaseHTTPRequestHandler):
    """STS, SSO, a container's agent and an instance's metadata. What it was asked is in asked."""
    asked = []
    EXPIRATION = "2033-05-18T03:33:20Z"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        url = urllib.parse.urlsplit(self.path)
        form = dict(urllib.parse.parse_qsl(body))
        form.pop("RoleSessionName", None)  # the name of the tool
        signature = self.headers.get("Authorization", "")
        if "Credential=" in signature:  # key, region and service, without the date
            key, _, region, service = signature.split("Credential=")[1].split("/")[:4]
            signature = [key, region, service]
        shown = {name: self.headers[name] for name in (
            "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds", "x-amz-sso_bearer_token",
            "X-Amz-Security-Token") if name in self.headers}
        self.asked.append([self.command, url.path, dict(urllib.parse.parse_qsl(url.query)), form, signature, shown])
        self.reply(url.path, form, signature)

    def reply(self, path, form, signature):
        keys = {"Code": "Success", "SecretAccessKey": "s", "Token": "t", "Expiration": self.EXPIRATION}
        if action := form.get("Action"):
            name = "BY-" + (signature[0] if signature else "WEB")
            text = (f"<{action}Response><{action}Result><Credentials><AccessKeyId>{name}</AccessKeyId><SecretAccessKey>s"
                    f"</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{self.EXPIRATION}</Expiration>"
                    f"</Credentials></{action}Result></{action}Response>")
        elif path == "/federation/credentials":
            text = json.dumps({"roleCredentials": {"accessKeyId": "SSO", "secretAccessKey": "s", "sessionToken": "t",
                                                   "expiration": 2000000000000}})
        elif path == "/latest/api/token":
            text = "metadata-token"
        elif path.endswith("/security-credentials/"):
            text = "the-role"
        else:
            text = json.dumps({"AccessKeyId": "AT" + path.replace("/", "-"), **keys})
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_PUT = do_POST = answer

    def log_message(self, *_):
        pass


class Referee(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory()
        self.addCleanup(self.home.cleanup)
        (pathlib.Path(self.home.name) / ".aws").mkdir()
        environment = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(environment)))

    def write(self, name, text):
        (pathlib.Path(self.home.name) / ".aws" / name).write_text(text)

    def case(self, bucket="my-bucket", object="some/key", profile=None, **environment):
        case = {"environment": {**COMMON, "HOME": self.home.name, "PATH": "/usr/bin:/bin", **environment},
                "bucket": bucket, "object": object}
        return {**case, "profile": profile} if profile else case

    def compare(self, cases, refused=None):
        """refused: how many cases both sides refuse, so that the table can't become one of errors."""
        answers = subprocess.run([PROBE], input=json.dumps(cases), capture_output=True, text=True, check=True).stdout
        num_refused = 0
        for case, line in zip(cases, answers.splitlines(), strict=True):
            ours, theirs = json.loads(line), botocores_answer(case)
            with self.subTest(case=case, ours=ours, theirs=theirs):
                self.assertEqual("error" in ours, "error" in theirs)
                if "error" in ours:
                    num_refused += 1
                else:
                    self.assertEqual(ours, theirs)
        if refused is not None:
            self.assertEqual(num_refused, refused)

    def test_hosts(self):
        regions = ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"]
        flags = {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"}
        cases = []
        for region, bucket, dual, fips in itertools.product(regions, ["my-bucket", "dotted.bucket"], (0, 1), (0, 1)):
            chosen = [name for name, on in zip(flags, (dual, fips)) if on]
            cases.append(self.case(bucket, AWS_DEFAULT_REGION=region, **KEYS, **{n: flags[n] for n in chosen}))
        self.compare(cases, refused=4)  # FIPS in China

    def test_hosts_of_those_who_give_keys(self):
        regions = ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1"]
        services = {"sts": "sts", "sso": "portal.sso", "sso-oidc": "oidc"}
        cases, theirs = [], []
        for name, host in services.items():
            rules = LOADER.load_service_model(name, "endpoint-rule-set-1")
            provider = botocore.endpoint_provider.EndpointProvider(rules, LOADER.load_data("partitions"))
            for region, dual, fips in itertools.product(regions, (False, True), (False, True)):
                cases.append({"service": host, "region": region, "fips": fips, "dualstack": dual})
                theirs.append(provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual).url)
        answers = subprocess.run([PROBE], input=json.dumps(cases), capture_output=True, text=True, check=True).stdout
        for case, line, url in zip(cases, answers.splitlines(), theirs, strict=True):
            with self.subTest(case=case):
                self.assertEqual(json.loads(line).get("url"), url)

    def test_access_points(self):
        cases = []
        for partition, region in (("aws", "us-west-2"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-east-1")):
            for home, slash, flags in itertools.product((region,), "/:", (
                    {}, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, {"AWS_ENDPOINT_URL_S3": "https://example.org"})):
                cases.append(self.case(ACCESS_POINT.format(partition, region, slash), AWS_DEFAULT_REGION=home,
                                       **KEYS, **flags))
        cases.append(self.case(ACCESS_POINT.format("aws", "us-west-2", "/"), AWS_DEFAULT_REGION="eu-west-1", **KEYS))
        cases.append(self.case(ACCESS_POINT.format("aws", "us-west-2", "/"), AWS_DEFAULT_REGION="us-west-2",
                               AWS_USE_FIPS_ENDPOINT="true", **KEYS))
        self.compare(cases, refused=0)
        self.compare([self.case(bucket, AWS_DEFAULT_REGION="us-west-2", **KEYS) for bucket in (
            "arn:aws:s3:us-west-2:123456789012:bucket/x", "arn:aws:s3:us-west-2:123:accesspoint/x",
            "arn:aws:sns:us-west-2:123456789012:accesspoint/x",
            "arn:aws:s3:us-west-2:123456789012:accesspoint/", "arn:aws:s3", "-x y-")], refused=6)

    def test_settings_of_a_profile(self):
        styles = ["max_concurrent_requests = 5", "addressing_style = path", "addressing_style = virtual", "addressing_style = auto",
                  "use_accelerate_endpoint = true", "use_dualstack_endpoint = true",
                  "use_accelerate_endpoint = true\n  use_dualstack_endpoint = true"]
        for style, bucket, url in itertools.product(styles, ["my-bucket", "dotted.bucket", "UPPER"],
                                                    ["", "http://127.0.0.1:9000", "https://s3.example.org/base"]):
            if "accelerate" in style and (url or bucket != "my-bucket"):
                continue  # botocore falls back to other hosts where we refuse
            if "virtual" in style and bucket != "my-bucket":
                continue  # the same: we do as we are told
            with self.subTest(style=style, bucket=bucket, url=url):
                self.write("config", f"[default]\nregion = eu-west-1\n{'endpoint_url = ' + url if url else ''}\n"
                                     f"s3 =\n  {style}\n")
                self.compare([self.case(bucket, **KEYS)], refused=0)

    def test_hosts_of_s3_alone(self):
        for style, variables in itertools.product(
                ["use_dualstack_endpoint = true", "use_dualstack_endpoint = false", "use_fips_endpoint = true"],
                [{}, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, {"AWS_USE_DUALSTACK_ENDPOINT": "false"},
                 {"AWS_USE_FIPS_ENDPOINT": "true"}]):
            with self.subTest(style=style, variables=variables):
                self.write("config", f"[default]\nregion = eu-west-1\ns3 =\n  {style}\n")
                self.compare([self.case(**KEYS, **variables)], refused=0)

    def test_forms_of_lines(self):
        for text in ("region: eu-west-1\naws_access_key_id: A:B\naws_secret_access_key= s",
                     "  region = eu-west-1\n  aws_access_key_id = A\n  aws_secret_access_key = s",
                     "region = eu-west-1\naws_access_key_id = A\naws_secret_access_key = s\nother = 1\n  two\n  b = 3",
                     "region = eu-west-1\ncredential_process = echo\n  '{\"Version\": 1, \"AccessKeyId\": \"P\",'"
                     "'\"SecretAccessKey\": \"s\"}'"):
            with self.subTest(text=text):
                self.write("config", f"[default]\n{text}\n")
                self.compare([self.case()], refused=0)

    def test_keys_of_objects(self):
        self.compare([self.case(object=key, AWS_DEFAULT_REGION="eu-west-1", **KEYS) for key in (
            "a b", "ä/ö", "a+b?c#d", "~tilde", "per%20cent", "a//b", "(x)'!*", "\u2603", "trailing/")])

    def test_endpoints(self):
        self.write("config", "[default]\nservices = x\nendpoint_url = http://127.0.0.1:4\nregion = eu-west-1\n"
                             "[services x]\ns3 =\n  endpoint_url = http://127.0.0.1:3\n"
                             "[profile plain]\nendpoint_url = http://[::1]:5\n")
        self.compare([self.case(**KEYS, AWS_ENDPOINT_URL_S3="http://127.0.0.1:1", AWS_ENDPOINT_URL="http://127.0.0.1:2"),
                      self.case(**KEYS, AWS_ENDPOINT_URL="http://127.0.0.1:2"), self.case(**KEYS),
                      self.case(**KEYS, AWS_PROFILE="plain"),
                      self.case(**KEYS, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true")], refused=0)

    def test_keys(self):
        self.write("credentials", "[default]\naws_access_key_id = SHARED\naws_secret_access_key = s\n"
                                  "[both]\naws_access_key_id = SHARED2\naws_secret_access_key = s\n"
                                  "[half]\naws_access_key_id = HALF\n"
                                  "[old]\naws_access_key_id = OLD\naws_secret_access_key = s\n"
                                  "aws_security_token = old\naws_session_token = new\n")
        process = "credential_process = echo '{\"Version\": 1, \"AccessKeyId\": \"%s\", \"SecretAccessKey\": \"s\"}'\n"
        keys = "aws_access_key_id = %s\naws_secret_access_key = c\n"
        self.write("config", "[default]\nregion = eu-north-1\n" + keys % "CONFIG" +
                   "[profile both]\n" + process % "PROCESS2" + keys % "CONFIG2" +
                   "[profile process]\nregion = eu-west-2\n" + process % "PROCESS3" + keys % "CONFIG3" +
                   "[profile \"two words\"]\n" + keys % "WORDS" +
                   "[profile older]\n" + keys % "OLDER" + "aws_security_token = older\n"
                   "[profile none]\nregion = eu-west-3\n")
        cases = [self.case(), self.case(**KEYS), self.case(profile="default", **KEYS)]
        cases += [self.case(**KEYS, AWS_SESSION_TOKEN="new"), self.case(**KEYS, AWS_SECURITY_TOKEN="old"),
                  self.case(**KEYS, AWS_SESSION_TOKEN="new", AWS_SECURITY_TOKEN="old")]
        cases += [self.case(profile=name) for name in ("both", "process", "two words", "old", "older")]
        cases += [self.case(AWS_PROFILE=name) for name in ("both", "process")]
        cases += [self.case(AWS_PROFILE="both", **KEYS), self.case(AWS_PROFILE="none", **KEYS)]
        self.compare(cases, refused=0)
        self.compare([self.case(profile="half"), self.case(profile="missing"),
                      self.case(AWS_ACCESS_KEY_ID="HALF")], refused=3)

    def test_sources(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), KeyServer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}"
        aws = pathlib.Path(self.home.name) / ".aws"
        (aws / "sso/cache").mkdir(parents=True)
        for name in ("https://start", "corp"):
            token = {"accessToken": "token-of-" + name, "expiresAt": "2033-05-18T03:33:20Z", "region": "eu-west-2"}
            (aws / "sso/cache" / (hashlib.sha1(name.encode()).hexdigest() + ".json")).write_text(json.dumps(token))
        (aws / "token").write_text("web-token")
        role = "role_arn = arn:aws:iam::123456789012:role/"
        account = "sso_account_id = 123456789012\nsso_role_name = some role\n"
        self.write("credentials", "[base]\naws_access_key_id = BASE\naws_secret_access_key = b\n"
                                  "aws_session_token = bt\n")
        self.write("config", f"[default]\nregion = eu-west-2\n"
                             f"[profile role]\nregion = eu-west-3\n{role}a b\nsource_profile = base\n"
                             f"external_id = x=1&y\nduration_seconds = 1800\n"
                             f"[profile chain]\nregion = eu-west-3\n{role}c\nsource_profile = role\n"
                             f"[profile own]\nregion = eu-west-3\n{role}o\nsource_profile = own\n"
                             f"aws_access_key_id = OWN\naws_secret_access_key = o\n"
                             f"[profile environment]\n{role}e\nregion = eu-west-2\ncredential_source = Environment\n"
                             f"[profile instance]\n{role}i\nregion = eu-west-2\ncredential_source = Ec2InstanceMetadata\n"
                             f"[profile agent]\n{role}i\nregion = eu-west-2\ncredential_source = EcsContainer\n"
                             f"[profile web]\nregion = eu-west-2\n{role}w\nweb_identity_token_file = {aws}/token\n"
                             f"[profile sso]\nregion = eu-west-2\nsso_start_url = https://start\n"
                             f"sso_region = eu-west-2\n{account}"
                             f"[profile session]\nregion = eu-west-2\nsso_session = corp\n{account}"
                             f"[sso-session corp]\nsso_start_url = https://start\nsso_region = eu-west-2\n")
        services = {"AWS_ENDPOINT_URL_STS": url, "AWS_ENDPOINT_URL_SSO": url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
                    "AWS_EC2_METADATA_DISABLED": "false"}
        agent = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url + "/agent", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "shown"}
        web = {"AWS_WEB_IDENTITY_TOKEN_FILE": f"{aws}/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/v"}
        cases = [self.case(profile=name, **services) for name in (
            "role", "chain", "own", "instance", "web", "sso", "session", "base")]
        cases += [self.case(profile="environment", **services, **KEYS), self.case(profile="agent", **services, **agent),
                  self.case(**services), self.case(**services, **agent), self.case(**services, **agent, **web),
                  self.case(AWS_PROFILE="sso", **services, **web), self.case(AWS_PROFILE="role", **services, **web)]
        for case in cases:
            case["environment"].setdefault("AWS_DEFAULT_REGION", "eu-west-2")
            answers = []
            for ask in (lambda: json.loads(subprocess.run([PROBE], input=json.dumps([case]), capture_output=True,
                                                          text=True, check=True).stdout),
                        lambda: botocores_answer(case)):
                KeyServer.asked.clear()
                answers.append([ask(), list(KeyServer.asked)])
            with self.subTest(case=case):
                self.assertNotIn("error", answers[0][0])
                self.assertEqual(answers[0], answers[1])


if __name__ == "__main__":
    unittest.main()
