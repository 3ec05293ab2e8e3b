// Package lean fits a process to the small sandbox of a function that is called thousands of times
// a second.
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
	// gcPercent lets garbage grow to several times the live heap before it is collected. The live heap
	// is some megabytes, so this costs little memory and saves most of the collector's work.
	gcPercent = 600
	// heapLimit makes the collector work harder again before the process outgrows its share of the
	// memory.
	heapLimit = 28 << 20
	// fullCore is the memory in MB at which Lambda gives a whole core.
	fullCore = 1769
)

// TuneRuntime fits the Go runtime to the sandbox: get reads the environment that Lambda sets.
func TuneRuntime(get func(string) string) {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(heapLimit)
	if memory, err := strconv.Atoi(get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")); err == nil &&
		memory <= fullCore {
		runtime.GOMAXPROCS(1) // with less than a core, waking further threads only costs
	}
	// The Runtime API's client copies this transport. With many invocations at once the default of two
	// idle connections makes it connect anew for nearly each.
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = maxIdleConnections
	}
}

// maxIdleConnections is how many are kept to one host: more than are used at once.
const maxIdleConnections = 64

// answerLimit is how long an answer of DynamoDB may take to begin; then the SDK tries again.
const answerLimit = 3 * time.Second

// TuneDynamoDB leaves out what a call in one region over an authenticated connection does not need:
// the timer of a whole request (the invocation's deadline and answerLimit bound it) and a checksum
// beside that of TLS.
func TuneDynamoDB(o *dynamodb.Options) {
	o.DisableValidateResponseChecksum = true
	o.HTTPClient = &http.Client{Transport: oneWrite{&http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableCompression: true,
		MaxIdleConnsPerHost: maxIdleConnections, IdleConnTimeout: 50 * time.Second,
		TLSHandshakeTimeout: answerLimit, ResponseHeaderTimeout: answerLimit,
	}}}
}

// oneWrite sends a request's head and body in one write. The transport does so only for bodies that
// it knows to be in memory, and the SDK's wrapper hides that.
type oneWrite struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
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
