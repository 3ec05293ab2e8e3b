package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
)

// containerHost is the name by which a container knows this machine: samconfig.toml maps it to
// Docker's gateway.
const containerHost = "host.docker.internal"

// samVariables holds every function's variables on the running stack, in the form of `sam local
// --env-vars`.
func (p profile) samVariables() string { return filepath.Join(filepath.Dir(p.env), "sam-env.json") }

// samTemplate is the template for `sam local`, which looks into no loops: they are written out.
func (p profile) samTemplate() string {
	return filepath.Join(filepath.Dir(p.env), "sam-template.json")
}

// describeToSAM writes the two files that `sam local` reads.
func (p profile) describeToSAM(ctx context.Context) error {
	variables, err := p.variables(ctx)
	if err != nil {
		return err
	}
	for _, of := range variables {
		forContainer(of)
	}
	template, err := p.expandedTemplate(ctx)
	if err != nil {
		return err
	}
	if err := p.fitForSAM(template); err != nil {
		return err
	}
	if err := writeJSON(p.samVariables(), variables); err != nil {
		return err
	}
	return writeJSON(p.samTemplate(), template)
}

// variables are those of all functions of the running stack, by the functions' logical ids.
func (p profile) variables(ctx context.Context) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	functions := awslambda.NewFromConfig(p.aws())
	pages := cloudformation.NewListStackResourcesPaginator(cloudformation.NewFromConfig(p.aws()),
		&cloudformation.ListStackResourcesInput{StackName: aws.String(stackName)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the stack's resources: %w", err)
		}
		for _, r := range page.StackResourceSummaries {
			if aws.ToString(r.ResourceType) != "AWS::Lambda::Function" {
				continue
			}
			f, err := functions.GetFunctionConfiguration(ctx,
				&awslambda.GetFunctionConfigurationInput{FunctionName: r.PhysicalResourceId})
			if err != nil {
				return nil, fmt.Errorf("read the variables of %s: %w", aws.ToString(r.LogicalResourceId), err)
			}
			all[aws.ToString(r.LogicalResourceId)] = f.Environment.Variables
		}
	}
	return all, nil
}

// forContainer lets the variables name this machine as a container knows it. The callback's address
// stays: the gateways' stand-ins call it, and they run outside.
func forContainer(variables map[string]string) {
	for name, value := range variables {
		if name != "CALLBACK_URL" {
			variables[name] = strings.ReplaceAll(value, "127.0.0.1", containerHost)
		}
	}
}

// expandedTemplate is the template with its loops written out.
func (p profile) expandedTemplate(ctx context.Context) (map[string]any, error) {
	output := filepath.Join(p.root, ".local", "template.json")
	cmd := program(ctx, p.root, tool(p.root, "aws", "python"),
		filepath.Join("local", "stack", "expand.py"), "template.yaml", output)
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("expand the template: %w\n%s", err, said)
	}
	text, err := os.ReadFile(output)
	if err != nil {
		return nil, err
	}
	var template map[string]any
	return template, json.Unmarshal(text, &template)
}

// fitForSAM puts this stack's parameters in as defaults, so that nobody has to name them, and makes
// the paths of the functions' zips relative to the new place of the template.
func (p profile) fitForSAM(template map[string]any) error {
	given, err := p.parameters()
	if err != nil {
		return err
	}
	parameters, _ := template["Parameters"].(map[string]any)
	for _, line := range given {
		name, value, _ := strings.Cut(line, "=")
		parameter, ok := parameters[name].(map[string]any)
		if !ok {
			return fmt.Errorf("the template has no parameter %s", name)
		}
		parameter["Default"] = value
	}
	resources, _ := template["Resources"].(map[string]any)
	for _, r := range resources {
		resource, _ := r.(map[string]any)
		properties, _ := resource["Properties"].(map[string]any)
		code, ok := properties["CodeUri"].(string)
		if !ok {
			continue
		}
		relative, err := filepath.Rel(filepath.Dir(p.samTemplate()), filepath.Join(p.root, code))
		if err != nil {
			return err
		}
		properties["CodeUri"] = relative
	}
	return nil
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// bridge is the program that passes containers' connections on to this stack.
const bridge = "bridge"

// dockerInterface is where Docker's containers meet a Linux machine. Docker Desktop has none; it
// reaches the loopback.
const dockerInterface = "docker0"

// startBridge lets containers reach this stack, where there is a Docker network to listen on.
func startBridge(ctx context.Context, p profile) error {
	gateway := addressOf(dockerInterface)
	if gateway == "" {
		return nil
	}
	return step(ctx, "let containers reach it",
		func(ctx context.Context, _ func(string)) (string, error) {
			addr := net.JoinHostPort(gateway, fmt.Sprint(p.port))
			ports := fmt.Sprintf("%d,%d,%d", p.port, p.port+1, p.port+2)
			_, err := ensure(ctx, p, bridge, addr, "http://"+addr+"/_ministack/health", nil,
				filepath.Join(p.root, ".local", "build", "standin", bridge), "-listen", gateway,
				"-ports", ports)
			if err != nil { // the stack itself is up, and most people need no container
				return "sam local will not reach the stack: " + err.Error(), nil //nolint:nilerr // see above
			}
			return addr, nil
		})
}

// addressOf is the IPv4 address of a network interface, empty if there is none.
func addressOf(name string) string {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return ""
	}
	addresses, err := i.Addrs()
	if err != nil {
		return ""
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	return ""
}
