// Asks quorate in three ways: one question, a batch, a stream.
//
//	buf generate && go run . [ADDRESS]
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	quorate "quorate.example/quickstart/gen/quorate/v1"
)

const scan = "POST /api/v1/threats/scan"

// A call that takes longer is an error: whether to let the request through then is yours to decide.
const deadline = 5 * time.Second

// An answer that is not the expected one.
type surprise struct{ text string }

func (s surprise) Error() string { return "surprise: " + s.text }

func main() {
	address := "127.0.0.1:8081"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	err := run(address)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	if errors.As(err, &surprise{}) {
		os.Exit(1)
	}
	os.Exit(2)
}

func run(address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	client := quorate.NewDecisionServiceClient(connection)
	// New keys, so that the answers are the same at every run.
	id := rand.Text()[:12]
	if err := one(client, "go-"+id+"-one"); err != nil {
		return err
	}
	if err := batch(client, "go-"+id+"-batch"); err != nil {
		return err
	}
	return stream(client, "go-"+id+"-stream")
}

// One question. A new developer key has 60 requests a minute; a scan costs 5.
func one(client quorate.DecisionServiceClient, key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	request := ask(key)
	request.Endpoint = scan
	request.Include = []quorate.Include{quorate.Include_INCLUDE_POLICY}
	answer, err := client.ShouldAllow(ctx, request)
	if err != nil {
		return err
	}
	show("one", answer)
	if !answer.Allowed || answer.Reason != quorate.Reason_REASON_OK {
		return surprise{fmt.Sprintf("denied: %v", answer.Reason)}
	}
	if answer.LimitName != "per-minute" || answer.Limit != 60 || answer.Remaining != 55 {
		return surprise{fmt.Sprintf("%d of %d left in %s", answer.Remaining, answer.Limit, answer.LimitName)}
	}
	if answer.Policy.GetPlan() != "developer" {
		return surprise{fmt.Sprintf("the plan is %q", answer.Policy.GetPlan())}
	}
	return nil
}

// 15 scans at once: 12 of the key's own, two from the pool, and the 15th is denied.
func batch(client quorate.DecisionServiceClient, key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	request := &quorate.ShouldAllowBatchRequest{}
	for range 15 {
		item := ask(key)
		item.Endpoint = scan
		request.Requests = append(request.Requests, item)
	}
	answers, err := client.ShouldAllowBatch(ctx, request)
	if err != nil {
		return err
	}
	var allowed, pool uint64
	for _, answer := range answers.Responses {
		if answer.Allowed {
			allowed++
		}
		pool += answer.PoolUnits
	}
	if len(answers.Responses) != 15 || allowed != 14 || pool != 10 || answers.AllAllowed {
		return surprise{fmt.Sprintf("%d of %d allowed, %d from the pool", allowed, len(answers.Responses), pool)}
	}
	denied := answers.Responses[14]
	show("batch", denied)
	if denied.Reason != quorate.Reason_REASON_RATE_LIMITED || !denied.Retryable || denied.RetryAfterNs == 0 {
		return surprise{fmt.Sprintf("the 15th is %v", denied.Reason)}
	}
	return nil
}

// Many in flight; answers come in the order of the questions, and a malformed one is answered in its place.
func stream(client quorate.DecisionServiceClient, key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	answers, err := client.ShouldAllowStream(ctx)
	if err != nil {
		return err
	}
	for _, cost := range []uint64{1, 2, 3, 4} {
		request := ask(key)
		request.Cost = proto.Uint64(cost)
		if err := answers.Send(&quorate.ShouldAllowStreamRequest{Request: request}); err != nil {
			return err
		}
	}
	// Whose? Malformed.
	if err := answers.Send(&quorate.ShouldAllowStreamRequest{Request: &quorate.ShouldAllowRequest{}}); err != nil {
		return err
	}
	if err := answers.CloseSend(); err != nil {
		return err
	}
	var remaining []uint64
	var refused *quorate.RequestError
	for {
		item, err := answers.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch result := item.Result.(type) {
		case *quorate.ShouldAllowStreamResponse_Response:
			show("stream", result.Response)
			remaining = append(remaining, result.Response.Remaining)
		case *quorate.ShouldAllowStreamResponse_Error:
			refused = result.Error
		}
	}
	if !slices.Equal(remaining, []uint64{59, 57, 54, 50}) {
		return surprise{fmt.Sprintf("remaining is %v", remaining)}
	}
	if codes.Code(refused.GetCode()) != codes.InvalidArgument {
		return surprise{fmt.Sprintf("the malformed question came to %v", status.New(codes.Code(refused.GetCode()), refused.GetMessage()))}
	}
	fmt.Printf("stream: refused: %s\n", refused.Message)
	return nil
}

func ask(key string) *quorate.ShouldAllowRequest {
	return &quorate.ShouldAllowRequest{Subject: &quorate.ShouldAllowRequest_Key{Key: key}}
}

func show(how string, answer *quorate.ShouldAllowResponse) {
	line := fmt.Sprintf("%s: %v", how, answer.Reason)
	if answer.LimitName != "" {
		line += fmt.Sprintf(", %d of %d left in %s", answer.Remaining, answer.Limit, answer.LimitName)
	}
	if answer.RetryAfterNs > 0 {
		line += fmt.Sprintf(", retry after %v", time.Duration(answer.RetryAfterNs).Round(time.Millisecond))
	}
	fmt.Println(line)
}
