package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a running function.
type process struct {
	cmd *exec.Cmd
	log *logTail
}

// startFunction starts a binary as Lambda would, with its log going to a pipe. The given variables
// replace those of functionEnv.
func startFunction(
	ctx context.Context, binary, runtimeAPI, dynamoDB string, inFlight int, variables ...string,
) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, binary), log: &logTail{}}
	p.cmd.Env = append(functionEnv(dynamoDB), "AWS_LAMBDA_RUNTIME_API="+runtimeAPI)
	if profile := os.Getenv("BENCH_PROFILE"); profile != "" {
		p.cmd.Env = append(p.cmd.Env, "BENCH_PROFILE="+profile)
	}
	if inFlight > 1 {
		p.cmd.Env = append(p.cmd.Env, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(inFlight))
	}
	p.cmd.Env = append(p.cmd.Env, variables...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(filepath.Dir(binary)), err)
	}
	return p, nil
}

// benchFunction is the name of every function in a measurement.
const benchFunction = "bench"

// functionEnv returns the environment variables of every function, with invented names of AWS
// resources. A function inherits no variable of this program.
func functionEnv(dynamoDB string) []string {
	return []string{
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_SESSION_TOKEN=" +
			strings.Repeat("session", 60),
		"AWS_ENDPOINT_URL=" + dynamoDB, "AWS_LAMBDA_FUNCTION_NAME=" + benchFunction,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"JWT_SECRET_ARN=arn:jwt", "JWT_ISSUER=bench", "JWT_AUDIENCE=bench",
		"LOOKUP_SECRET_ARN=arn:lookup", "GATEWAY_SECRET_ARN=arn:gateway",
		"SIGNING_SECRET_ARN=arn:signing", "DATA_KEY_ARN=arn:key", "AUDIT_BUCKET=audit",
		"RULES_BUCKET=rules", "DOCUMENTS_BUCKET=documents", "FONT_KEY=font", "CALENDAR_DUE=11-01",
		"FONT_SHA256=" + strings.Repeat("0", 64), "EVENT_BUS=bus",
		"CALLBACK_URL=https://api.example.com/v1/payouts/callbacks",
		"GATEWAY_DOUYIN_URL=" + dynamoDB, "GATEWAY_BANK_URL=" + dynamoDB, "QUEUE_TAX_URL=" + dynamoDB +
			"/tax.fifo", "QUEUE_SETTLE_URL=" + dynamoDB + "/settle.fifo",
		"QUEUE_PAYOUT_URL=" + dynamoDB + "/payout.fifo", "QUEUE_AUDIT_URL=" + dynamoDB + "/audit.fifo",
		"QUEUE_COHORT_URL=" + dynamoDB + "/cohort",
		"STAGE=prod", "TABLE_INCENTIVES=incentives", "TABLE_SETTLEMENTS=settlements",
		"TABLE_LEDGER=ledger", "TABLE_CONTROL=control", "TABLE_TENANCY=tenancy",
	}
}

// logTail receives a log and keeps its last 2,000 bytes, so that writing the log costs the
// function as much as on Lambda.
type logTail struct {
	mu   sync.Mutex
	tail []byte
}

// Write implements io.Writer.
func (s *logTail) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const keep = 2000
	s.tail = append(s.tail, b[max(0, len(b)-keep):]...)
	s.tail = s.tail[max(0, len(s.tail)-keep):]
	return len(b), nil
}

// text returns the kept end of the log.
func (s *logTail) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.tail)
}

// stop ends the process and waits for its end; a profiled process writes its profile first.
func (p *process) stop() {
	// the process may have ended by itself
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	hard := time.AfterFunc(2*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer hard.Stop()
	_ = p.cmd.Wait() // an exit status is expected
}

// clockTick is the unit of time in /proc/<pid>/stat: 1/100 s on all common machines.
const clockTick = 10 * time.Millisecond

// errNoProc is returned on systems without /proc.
var errNoProc = errors.New(
	"CPU time of a process is read from /proc, which this system lacks; run the bench on Linux")

// cpuTime returns the user and system time of the process.
func (p *process) cpuTime() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("%w (%w) %s", errNoProc, err, p.log.text())
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, errors.Join(err1, err2)
}

// peakMemory returns the highest resident memory of the process in bytes.
func (p *process) peakMemory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, errNoProc
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errNoProc
}
