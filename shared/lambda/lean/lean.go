// Package lean adapts a function that is called thousands of times a second to its small share of a
// processor and of memory.
package lean

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

const (
	// gcPercent lets garbage grow to six times the live heap before a collection. The live heap is a
	// few megabytes, so this costs little memory and saves most of the collector's work.
	gcPercent = 600
	// heapLimit, in bytes, makes the collector run more often again before the process exceeds its
	// memory.
	heapLimit = 28 << 20
	// fullCore is the memory in MB with which Lambda gives a function one whole core.
	fullCore = 1769
)

// TuneRuntime adapts the Go runtime to the memory of the function; get reads the environment
// variables that Lambda sets.
func TuneRuntime(get func(string) string) {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(heapLimit)
	if memory, err := strconv.Atoi(get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")); err == nil &&
		memory <= fullCore {
		// with less than one core, further threads only cost time
		runtime.GOMAXPROCS(1)
	}
	// The client of Lambda's Runtime API copies this transport. Its default of two idle connections
	// would force a new connection for nearly every one of many parallel invocations.
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = maxIdleConnections
	}
}

// maxIdleConnections is how many idle connections are kept to one host; it is more than are used at
// the same time.
const maxIdleConnections = 64

// answerLimit is how long DynamoDB may take until an answer begins; then the SDK sends the call
// again.
const answerLimit = 3 * time.Second

// TuneDynamoDB is an option of the DynamoDB client that turns off what a call within one region
// does not need: the timer of the whole request, because the deadline of the invocation and
// answerLimit bound it, and the checksum of the answer, because TLS has one.
func TuneDynamoDB(o *dynamodb.Options) {
	o.DisableValidateResponseChecksum = true
	o.HTTPClient = &http.Client{Transport: oneWrite{&http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableCompression: true,
		MaxIdleConnsPerHost: maxIdleConnections, IdleConnTimeout: 50 * time.Second,
		TLSHandshakeTimeout: answerLimit, ResponseHeaderTimeout: answerLimit,
	}}}
}

// oneWrite sends the head and the body of a request in one write to the network. The standard
// transport does this only when it knows that the body is in memory, which the SDK hides from it.
type oneWrite struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper: it reads the body into memory and sends the request.
func (o oneWrite) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.ContentLength <= 0 {
		return o.RoundTripper.RoundTrip(r)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	whole := *r
	whole.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return o.RoundTripper.RoundTrip(&whole)
}
