// Command invoke runs the binary of one function with a sample event against the running stack, as
// Lambda would: with the function's environment variables, over the Runtime API. Times, new ids and
// signatures are filled into the sample first.
//
//	go run ./local/invoke pay-out                       (functions/pay-out/event.json)
//	go run ./local/invoke pay-out event-schedule.json   (or any other file)
//	go run ./local/invoke all                           (every sample of every function)
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := runCommand(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runCommand reads the flags and invokes the named function.
func runCommand(ctx context.Context) error {
	env := flag.String("env", filepath.Join(".local", "stack.env"),
		"file with the addresses of the running stack")
	flag.Parse()
	s, err := openStack(ctx, *env)
	if err != nil {
		return err
	}
	switch name, event := flag.Arg(0), flag.Arg(1); name {
	case "":
		return errors.New(
			"name a function: make invoke FUNCTION=pay-out [EVENT=event-schedule.json]; FUNCTION=all " +
				"takes every sample")
	case "all":
		return s.invokeAll(ctx)
	default:
		return s.invokeFunction(ctx, name, event)
	}
}

// invokeAll invokes every function with every sample event, and continues after a failure.
func (s *stack) invokeAll(ctx context.Context) error {
	samples, err := filepath.Glob(filepath.Join("functions", "*", "event*.json"))
	if err != nil {
		return err
	}
	var failed []error
	for _, sample := range samples {
		if err := s.invokeFunction(ctx, filepath.Base(filepath.Dir(sample)),
			filepath.Base(sample)); err != nil {
			failed = append(failed, err)
		}
	}
	fmt.Printf("%d samples, %d failed\n", len(samples), len(failed))
	return errors.Join(failed...)
}

// invokeFunction runs one function with one event and prints the answer.
//
// Errors: an error when the answer means failure.
func (s *stack) invokeFunction(ctx context.Context, function, event string) error {
	path, err := eventPath(function, event)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	payload, err := s.fillSample(ctx, raw)
	if err != nil {
		return fmt.Errorf("fill in %s: %w", path, err)
	}
	// sam local reads the event from this file
	if err := os.WriteFile(filledPath, payload, 0o600); err != nil {
		return err
	}
	answer, err := s.runFunction(ctx, function, payload)
	if err != nil {
		return fmt.Errorf("%s %s: %w", function, filepath.Base(path), err)
	}
	fmt.Printf("%s %s, %.0f ms:\n%s\n", function, filepath.Base(path),
		float64(answer.Took.Microseconds())/1000, indentAnswer(answer.Body))
	if err := checkAnswer(payload, answer); err != nil {
		return fmt.Errorf("%s %s: %w", function, filepath.Base(path), err)
	}
	return nil
}

// filledPath is where the last sent event is stored, for `sam local invoke --event`.
var filledPath = filepath.Join(".local", "event.json")

// eventPath returns the file of an event: the function's event.json by default, and otherwise a
// file of the function's folder or a path.
func eventPath(function, event string) (string, error) {
	folder := filepath.Join("functions", function)
	if _, err := os.Stat(filepath.Join(folder, "main.go")); err != nil {
		return "", fmt.Errorf("there is no function %q; functions/ holds them all", function)
	}
	switch {
	case event == "":
		return filepath.Join(folder, "event.json"), nil
	case filepath.Base(event) == event:
		return filepath.Join(folder, event), nil
	}
	return event, nil
}
