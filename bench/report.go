package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// heading returns the head of the report: machine, commit and command of the measurement.
func heading(ctx context.Context) string {
	return fmt.Sprintf(`# Results

- machine: %s, %d cores, %s/%s
- go: %s
- commit: %s
- command: `+"`%s`"+`
- time: %s

CPU figures are of the function's own process (user and system time); the Runtime API, the DynamoDB
endpoint and the sender run in another process on the same machine.
`, cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(),
		currentCommit(ctx),
		commandLine(), time.Now().UTC().Format(time.RFC3339))
}

// cpuModel returns the name of the processor, where /proc/cpuinfo has it.
func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // only where there is one
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// currentCommit returns the commit of the checkout, and whether files have changed since.
func currentCommit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "none"
	}
	id := strings.TrimSpace(string(out))
	if exec.CommandContext(ctx, "git", "diff", "--quiet", "HEAD").Run() != nil {
		id += " with changes"
	}
	return id
}

// commandLine returns the command line of this program.
func commandLine() string {
	return strings.Join(append([]string{"go run ./bench"}, os.Args[1:]...), " ")
}

// markdownTable returns rows as a Markdown table.
func markdownTable(title string, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n| what | goal | measured | |\n|---|---|---|---|\n", title)
	for _, r := range rows {
		mark := ""
		if r.met != nil {
			mark = map[bool]string{true: "met", false: "missed"}[*r.met]
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.what, r.goal, r.measured, mark)
	}
	return b.String()
}

// atLeast reports whether a figure reaches its goal.
func atLeast(got, goal float64) *bool { met := got >= goal; return &met }

// atMost reports whether a figure does not exceed its goal.
func atMost(got, goal float64) *bool { met := got <= goal; return &met }
