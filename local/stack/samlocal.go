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

// containerHost is the host name of this machine inside a container; samconfig.toml maps the name
// to Docker's gateway.
const containerHost = "host.docker.internal"

// samVariablesPath returns the path of the file with the environment variables of every function,
// in the format of `sam local --env-vars`.
func (p profile) samVariablesPath() string {
	return filepath.Join(filepath.Dir(p.envFile), "sam-env.json")
}

// samTemplatePath returns the path of the template for `sam local`. Its loops are written out,
// because `sam local` does not expand them.
func (p profile) samTemplatePath() string {
	return filepath.Join(filepath.Dir(p.envFile), "sam-template.json")
}

// writeSAMFiles writes the two files that `sam local` reads.
func (p profile) writeSAMFiles(ctx context.Context) error {
	variables, err := p.functionVariables(ctx)
	if err != nil {
		return err
	}
	for _, of := range variables {
		addressForContainer(of)
	}
	template, err := p.expandTemplate(ctx)
	if err != nil {
		return err
	}
	if err := p.adaptTemplate(template); err != nil {
		return err
	}
	if err := writeJSON(p.samVariablesPath(), variables); err != nil {
		return err
	}
	return writeJSON(p.samTemplatePath(), template)
}

// functionVariables returns the environment variables of all functions of the running stack, by
// the logical ids of the functions.
func (p profile) functionVariables(ctx context.Context) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	functions := awslambda.NewFromConfig(p.awsConfig())
	pages := cloudformation.NewListStackResourcesPaginator(cloudformation.NewFromConfig(p.awsConfig()),
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

// addressForContainer replaces the address of this machine in the variables by containerHost.
// CALLBACK_URL keeps the address: the gateways' stand-ins call it, and they run outside of
// containers.
func addressForContainer(variables map[string]string) {
	for name, value := range variables {
		if name != "CALLBACK_URL" {
			variables[name] = strings.ReplaceAll(value, "127.0.0.1", containerHost)
		}
	}
}

// expandTemplate returns the template with its loops written out.
func (p profile) expandTemplate(ctx context.Context) (map[string]any, error) {
	output := filepath.Join(p.root, ".local", "template.json")
	cmd := newCommand(ctx, p.root, toolPath(p.root, "aws", "python"),
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

// adaptTemplate sets the parameters of this stack as defaults, so that nobody has to pass them to
// `sam local`, and makes the paths of the zip files relative to the folder of the adapted
// template.
func (p profile) adaptTemplate(template map[string]any) error {
	given, err := p.templateParameters()
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
		// sam local does not read the parameters of a deployed stack
		parameter["Default"] = value
	}
	// the adapted template lies in another folder than template.yaml
	resources, _ := template["Resources"].(map[string]any)
	for _, r := range resources {
		resource, _ := r.(map[string]any)
		properties, _ := resource["Properties"].(map[string]any)
		code, ok := properties["CodeUri"].(string)
		if !ok {
			continue
		}
		relative, err := filepath.Rel(filepath.Dir(p.samTemplatePath()), filepath.Join(p.root, code))
		if err != nil {
			return err
		}
		properties["CodeUri"] = relative
	}
	return nil
}

// writeJSON writes a value to a file as indented JSON.
func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// bridge is the program that forwards connections of containers to this stack.
const bridge = "bridge"

// dockerInterface is the network interface on which Docker's containers reach a Linux machine.
// Docker Desktop has none; its containers reach the loopback address.
const dockerInterface = "docker0"

// startBridge lets containers reach this stack when there is a Docker network.
func startBridge(ctx context.Context, p profile) error {
	gateway := interfaceAddress(dockerInterface)
	if gateway == "" {
		return nil
	}
	return runStep(ctx, "let containers reach it",
		func(ctx context.Context, _ func(string)) (string, error) {
			addr := net.JoinHostPort(gateway, fmt.Sprint(p.port))
			ports := fmt.Sprintf("%d,%d,%d", p.port, p.port+1, p.port+2)
			_, err := ensureRunning(ctx, p, bridge, addr, "http://"+addr+"/_ministack/health", nil,
				filepath.Join(p.root, ".local", "build", "standin", bridge), "-listen", gateway,
				"-ports", ports)
			if err != nil { // the stack is usable without the bridge, and most people need no container
				return "sam local will not reach the stack: " + err.Error(), nil //nolint:nilerr // see above
			}
			return addr, nil
		})
}

// interfaceAddress returns the IPv4 address of a network interface, and "" when there is none.
func interfaceAddress(name string) string {
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
