package dynamotest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// server is the engine of this test binary, or why there is none.
type server struct {
	endpoint string
	missing  string // what has to be installed first
	err      error
}

// sharedServer starts the engine at its first use. A test binary is one process with one engine;
// this is the one place where that is said.
var sharedServer = sync.OnceValue(startServer)

// program runs the local AWS until its input ends, so that it ends with this process even when that
// is killed.
const program = `
import os, runpy, signal, sys, threading, time
def end_with_parent():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(3)
    os._exit(0)
threading.Thread(target=end_with_parent, daemon=True).start()
runpy.run_module("ministack", run_name="__main__")
`

// StartLocalAWS starts the engine on a port of this machine; programs that are no tests use it. It
// ends with this process.
func StartLocalAWS(port int) (endpoint string, err error) {
	python, err := findPython()
	if err != nil {
		return "", err
	}
	if _, err := findFreePort(port); err != nil {
		// or another engine on it would be taken for this one
		return "", err
	}
	return launchOnPort(python, port)
}

func startServer() server {
	python, err := findPython()
	if err != nil {
		return server{missing: err.Error()}
	}
	const attempts = 3 // a free port may be taken between the look and the use
	for i := 0; ; i++ {
		endpoint, err := launchOnFreePort(python)
		if err == nil || i == attempts-1 {
			return server{endpoint: endpoint, err: err}
		}
	}
}

// findPython finds the Python of the checkout's virtual environment.
func findPython() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not inside a checkout")
		}
		dir = parent
	}
	python := filepath.Join(dir, ".local", "venv-aws", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return "", fmt.Errorf(
			"no virtual environment at .local/venv-aws (make run and make test install it), and %s is not set", EndpointVariable)
	}
	return python, nil
}

func launchOnFreePort(python string) (string, error) {
	port, err := findFreePort(0)
	if err != nil {
		return "", err
	}
	return launchOnPort(python, port)
}

func launchOnPort(python string, port int) (string, error) {
	// it lives as long as this process
	cmd := exec.CommandContext(context.Background(), python, "-c", program)
	cmd.Env = append(os.Environ(), "GATEWAY_PORT="+strconv.Itoa(port), "BIND_HOST=127.0.0.1",
		"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0",
		"LOG_LEVEL=ERROR", "PERSIST_STATE=0", "AUTH=false")
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // held open by cmd until this process ends
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start the local AWS: %w", err)
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	endpoint := "http://127.0.0.1:" + strconv.Itoa(port)
	if err := waitReady(endpoint, died); err != nil {
		_ = cmd.Process.Kill() // it may be what ended
		return "", err
	}
	return endpoint, nil
}

// findFreePort finds out whether a port can be used; 0 asks for any.
func findFreePort(port int) (int, error) {
	var c net.ListenConfig
	l, err := c.Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

var errEnded = errors.New("without an error")

// startLimit is generous: several test binaries start their engines at once on few cores, beside
// other work.
const startLimit = 2 * time.Minute

func waitReady(endpoint string, died <-chan error) error {
	deadline := time.Now().Add(startLimit)
	for time.Now().Before(deadline) {
		if isReady(endpoint, 5*time.Second) {
			return nil
		}
		select {
		case err := <-died:
			return fmt.Errorf("the local AWS ended while starting: %w", cmp.Or(err, errEnded))
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("the local AWS was not ready within %s", startLimit)
}

// isReady finds out whether an endpoint answers, within a time, as the local AWS does.
func isReady(endpoint string, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_ministack/health", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}
