"""A client that is not ours: stubs generated from the proto, grpcio, and nothing else.

Called as `client.py ADDRESS FOLDER_OF_THE_STUBS`; every assertion is a test, and the exit code says how it went.
"""

import sys

import grpc

sys.path.insert(0, sys.argv[2])
from quorate.v1 import decision_pb2 as pb
from quorate.v1 import decision_pb2_grpc as rpc

SCAN = "POST /api/v1/threats/scan"
# Long enough for a machine that is busy with other tests.
DEADLINE_SECONDS = 120


def unary(stub):
    for number in range(1, 16):
        answer = stub.ShouldAllow(pb.ShouldAllowRequest(key="unary", endpoint=SCAN), timeout=DEADLINE_SECONDS)
        assert answer.allowed == (number <= 14), (number, answer)
        assert answer.pool_units == (5 if number in (13, 14) else 0), (number, answer)
    assert answer.reason == pb.REASON_RATE_LIMITED, answer
    assert answer.retryable and 0 < answer.retry_after_ns <= 60 * 10**9, answer


def batch(stub):
    requests = [pb.ShouldAllowRequest(key="batch", endpoint=SCAN) for _ in range(15)]
    answers = stub.ShouldAllowBatch(pb.ShouldAllowBatchRequest(requests=requests), timeout=DEADLINE_SECONDS)
    assert [answer.allowed for answer in answers.responses] == [True] * 14 + [False], answers
    assert not answers.all_allowed


def stream(stub):
    def requests():
        for _ in range(15):
            yield pb.ShouldAllowStreamRequest(request=pb.ShouldAllowRequest(key="stream", endpoint=SCAN))
        yield pb.ShouldAllowStreamRequest(request=pb.ShouldAllowRequest())

    answers = list(stub.ShouldAllowStream(requests(), timeout=DEADLINE_SECONDS))
    assert [answer.response.allowed for answer in answers[:15]] == [True] * 14 + [False], answers
    assert answers[15].WhichOneof("result") == "error", answers[15]
    assert answers[15].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0], answers[15]


def errors(stub):
    try:
        stub.ShouldAllow(pb.ShouldAllowRequest(), timeout=DEADLINE_SECONDS)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        assert "key" in error.details(), error
    else:
        raise AssertionError("a request of nobody was answered")


def slots(stub):
    held = stub.ShouldAllow(pb.ShouldAllowRequest(key="slots", org="dev", endpoint="POST /api/v1/jobs"), timeout=DEADLINE_SECONDS)
    assert held.slot_held, held
    slot = pb.ReleaseSlotRequest(org="dev", decision_id=held.decision_id)
    assert [stub.ReleaseSlot(slot, timeout=DEADLINE_SECONDS).released for _ in range(2)] == [True, False]


with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = rpc.DecisionServiceStub(channel)
    for test in (unary, batch, stream, errors, slots):
        test(stub)
        print(test.__name__, "ok")
