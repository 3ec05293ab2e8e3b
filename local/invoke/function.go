package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"fenzhang/local/runtimeapi"
	"fenzhang/local/tokens"
)

// stack is the running local system.
type stack struct {
	vars map[string]string
	aws  aws.Config
	now  func() time.Time
}

// openStack reads the addresses of the running stack.
func openStack(_ context.Context, path string) (*stack, error) {
	vars, err := tokens.ReadVars(path, "AWS_ENDPOINT_URL", "AWS_REGION", "STACK_NAME")
	if err != nil {
		return nil, err
	}
	return &stack{vars: vars, now: time.Now, aws: aws.Config{
		Region: vars["AWS_REGION"], BaseEndpoint: aws.String(vars["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"],
			vars["AWS_SECRET_ACCESS_KEY"], ""),
	}}, nil
}

// runFunction builds a function, runs it, and sends it one event. The function's log goes to
// standard error.
func (s *stack) runFunction(ctx context.Context, function string,
	payload []byte) (runtimeapi.Answer, error) {
	binary, err := buildFunction(ctx, function)
	if err != nil {
		return runtimeapi.Answer{}, err
	}
	name := s.vars["STACK_NAME"] + "-" + function
	env, err := s.functionEnvironment(ctx, name)
	if err != nil {
		return runtimeapi.Answer{}, err
	}
	api, err := runtimeapi.Start(ctx, name)
	if err != nil {
		return runtimeapi.Answer{}, err
	}
	defer api.Close()
	// the function polls this address for its event
	return sendEvent(ctx, api, binary, append(env, "AWS_LAMBDA_RUNTIME_API="+api.Addr), payload)
}

// sendEvent starts the binary of a function, sends it one event over the Runtime API, and ends it.
func sendEvent(ctx context.Context, api *runtimeapi.API, binary string, env []string,
	payload []byte) (runtimeapi.Answer, error) {
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		return runtimeapi.Answer{}, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the function's log says why it ended
		close(ended)
	}()
	answer, err := api.Invoke(ctx, payload, ended)
	_ = cmd.Process.Signal(syscall.SIGTERM) // the function may have ended by itself
	<-ended
	return answer, err
}

// buildFunction compiles a function for this machine with the flags of `make up`, so that compiled
// packages are shared.
func buildFunction(ctx context.Context, function string) (string, error) {
	out := filepath.Join(".local", "build", "invoke", function)
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-tags",
		"lambda.norpc", "-pgo=off",
		"-o", out, "./functions/"+function)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", function, err)
	}
	return out, nil
}

// functionEnvironment returns the environment variables of a deployed function, with those that
// Lambda adds. The function inherits no variable of this program.
func (s *stack) functionEnvironment(ctx context.Context, name string) ([]string, error) {
	deployed, err := lambda.NewFromConfig(s.aws).GetFunctionConfiguration(ctx,
		&lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		return nil, fmt.Errorf("read the variables of %s on the running stack: %w", name, err)
	}
	env := []string{
		"AWS_REGION=" + s.vars["AWS_REGION"],
		"AWS_ACCESS_KEY_ID=" + s.vars["AWS_ACCESS_KEY_ID"],
		"AWS_SECRET_ACCESS_KEY=" + s.vars["AWS_SECRET_ACCESS_KEY"],
		"AWS_LAMBDA_FUNCTION_NAME=" + name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", aws.ToInt32(deployed.MemorySize)),
	}
	for variable, value := range deployed.Environment.Variables {
		env = append(env, variable+"="+value)
	}
	return env, nil
}
