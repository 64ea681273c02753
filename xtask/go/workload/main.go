// A SPIFFE Workload API on a socket, served by gRPC for Go and go-spiffe's types, for tests.
//
// The argument is the path of the socket. Each line on stdin is an answer in JSON, which replaces the one before and
// goes to those who are still listening, and `ready` is said of it; without an identity in it, callers are refused.
// The server ends with its stdin.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type agent struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	lock   sync.Mutex
	answer *workload.X509SVIDResponse
	// Closed when there is another answer.
	renewed chan struct{}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// FetchX509SVID answers as the standard demands: with the first answer, and with every one that comes after it.
func (a *agent) FetchX509SVID(_ *workload.X509SVIDRequest, stream grpc.ServerStreamingServer[workload.X509SVIDResponse]) error {
	header, _ := metadata.FromIncomingContext(stream.Context())
	if said := header.Get("workload.spiffe.io"); len(said) != 1 || said[0] != "true" {
		return status.Error(codes.InvalidArgument, "security header missing from request")
	}
	for {
		a.lock.Lock()
		answer, renewed := a.answer, a.renewed
		a.lock.Unlock()
		if len(answer.Svids) == 0 {
			return status.Error(codes.PermissionDenied, "no identity issued")
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
		select {
		case <-renewed:
		case <-stream.Context().Done():
			return nil
		}
	}
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	a := &agent{}
	read := func() bool {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return false
		}
		answer := &workload.X509SVIDResponse{}
		must(json.Unmarshal(line, answer))
		a.lock.Lock()
		defer a.lock.Unlock()
		if a.renewed != nil {
			close(a.renewed)
		}
		a.answer, a.renewed = answer, make(chan struct{})
		return true
	}
	if !read() {
		return
	}
	listener, err := net.Listen("unix", os.Args[1])
	must(err)
	server := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(server, a)
	go func() { must(server.Serve(listener)) }()
	for more := true; more; more = read() {
		fmt.Println("ready")
	}
	server.Stop()
}
