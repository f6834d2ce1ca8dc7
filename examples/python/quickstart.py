"""Asks quorate in three ways: one question, a batch, a stream.

    python quickstart.py [ADDRESS] [--proto DIR]

Needs grpcio and grpcio-tools. Stubs are made from the contract at start and are kept nowhere.
"""

import argparse
import importlib
import pathlib
import sys
import tempfile
import uuid

import grpc
from grpc_tools import protoc

CONTRACT = "quorate/v1/decision.proto"
SCAN = "POST /api/v1/threats/scan"
# A call that takes longer is an error: whether to let the request through then is yours to decide.
DEADLINE_SECONDS = 5


def load_stubs(proto: pathlib.Path, into: str):
    """Generates the stubs and imports them: messages and service."""
    arguments = ["protoc", f"-I{proto}", f"--python_out={into}", f"--grpc_python_out={into}", CONTRACT]
    if protoc.main(arguments) != 0:
        sys.exit("the contract could not be compiled")
    sys.path.insert(0, into)
    return importlib.import_module("quorate.v1.decision_pb2"), importlib.import_module("quorate.v1.decision_pb2_grpc")


def expect(what: str, found, wanted) -> None:
    """Ends the program with 1 if an answer is not the expected one."""
    if found != wanted:
        sys.exit(f"surprise: {what} is {found}, not {wanted}")


def show(how: str, answer, pb) -> None:
    line = f"{how}: {pb.Reason.Name(answer.reason)}"
    if answer.limit_name:
        line += f", {answer.remaining} of {answer.limit} left in {answer.limit_name}"
    if answer.pool_units:
        line += f", {answer.pool_units} from the pool"
    if answer.retry_after_ns:
        line += f", retry after {answer.retry_after_ns / 1e9:.3f} s"
    print(line)


def unary(stub, pb, key: str) -> None:
    """One question. A new developer key has 60 requests a minute; a scan costs 5."""
    request = pb.ShouldAllowRequest(key=key, endpoint=SCAN, include=[pb.INCLUDE_POLICY])
    answer = stub.ShouldAllow(request, timeout=DEADLINE_SECONDS)
    show("one", answer, pb)
    expect("allowed", answer.allowed, True)
    expect("reason", answer.reason, pb.REASON_OK)
    expect("remaining", (answer.limit_name, answer.limit, answer.remaining), ("per-minute", 60, 55))
    expect("plan", answer.policy.plan, "developer")


def batch(stub, pb, key: str) -> None:
    """15 scans at once: 12 of the key's own, two from the pool, and the 15th is denied."""
    requests = [pb.ShouldAllowRequest(key=key, endpoint=SCAN) for _ in range(15)]
    answers = stub.ShouldAllowBatch(pb.ShouldAllowBatchRequest(requests=requests), timeout=DEADLINE_SECONDS)
    for answer in answers.responses[11:]:
        show("batch", answer, pb)
    expect("allowed", [a.allowed for a in answers.responses], [True] * 14 + [False])
    expect("pool units", [a.pool_units for a in answers.responses], [0] * 12 + [5, 5, 0])
    expect("all allowed", answers.all_allowed, False)
    denied = answers.responses[14]
    expect("reason", denied.reason, pb.REASON_RATE_LIMITED)
    expect("that it says when to come back", denied.retryable and denied.retry_after_ns > 0, True)


def stream(stub, pb, key: str) -> None:
    """Many in flight; answers come in the order of the questions, and a malformed one is answered in its place."""
    costs = [1, 2, 3, 4]
    questions = [pb.ShouldAllowRequest(key=key, cost=cost) for cost in costs]
    questions.insert(2, pb.ShouldAllowRequest(endpoint=SCAN))  # whose? malformed
    outgoing = (pb.ShouldAllowStreamRequest(request=question) for question in questions)
    answers = list(stub.ShouldAllowStream(outgoing, timeout=DEADLINE_SECONDS))
    expect("results", [a.WhichOneof("result") for a in answers], ["response", "response", "error", "response", "response"])
    for answer in answers:
        if answer.WhichOneof("result") == "response":
            show("stream", answer.response, pb)
    expect("remaining", [a.response.remaining for a in answers if a.HasField("response")], [59, 57, 54, 50])
    refused = answers[2].error
    print(f"stream: refused with {refused.code}: {refused.message}")
    expect("code", refused.code, grpc.StatusCode.INVALID_ARGUMENT.value[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="127.0.0.1:8081")
    in_repository = pathlib.Path(__file__).resolve().parents[2] / "proto"
    parser.add_argument("--proto", type=pathlib.Path, default=in_repository, help="the folder of the contract")
    arguments = parser.parse_args()
    # New keys, so that the answers are the same at every run.
    run = uuid.uuid4().hex[:12]
    with tempfile.TemporaryDirectory() as folder, grpc.insecure_channel(arguments.address) as channel:
        pb, pb_grpc = load_stubs(arguments.proto, folder)
        stub = pb_grpc.DecisionServiceStub(channel)
        try:
            unary(stub, pb, f"python-{run}-one")
            batch(stub, pb, f"python-{run}-batch")
            stream(stub, pb, f"python-{run}-stream")
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr)
            sys.exit(2)


if __name__ == "__main__":
    main()
