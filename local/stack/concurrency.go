package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"go.yaml.in/yaml/v3"
)

// unreserved is the number of concurrent executions that AWS keeps for functions without reserved
// concurrency.
const unreserved = 100

// deployment is the part of an environment's section in samconfig.toml that decides on reserved
// concurrency.
type deployment struct {
	environment string
	region      string // empty when the caller's AWS configuration gives it
	reserves    bool   // the functions reserve concurrency
}

// checkConcurrency refuses a deployment whose functions reserve more concurrency than the AWS
// account has. CloudFormation would fail in the middle of the deployment, with a message about a
// single function.
func checkConcurrency(ctx context.Context, root, environment string) error {
	d, err := readDeployment(root, environment)
	if err != nil {
		return err
	}
	return runStep(ctx, "concurrency of the account",
		func(ctx context.Context, _ func(string)) (string, error) {
			if !d.reserves {
				return "none reserved", nil
			}
			sum, err := reservedConcurrency(root)
			if err != nil {
				return "", err
			}
			quota, err := d.accountQuota(ctx)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%d of %d reserved", sum, quota), d.checkQuota(sum, quota)
		})
}

// accountQuota returns how many executions of all functions together the AWS account may run at
// once in the region.
func (d deployment) accountQuota(ctx context.Context) (int, error) {
	var options []func(*config.LoadOptions) error
	if d.region != "" {
		options = append(options, config.WithRegion(d.region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return 0, err
	}
	out, err := awslambda.NewFromConfig(cfg).GetAccountSettings(ctx,
		&awslambda.GetAccountSettingsInput{})
	if err != nil {
		return 0, fmt.Errorf("read the account's concurrency (lambda:GetAccountSettings): %w", err)
	}
	if out.AccountLimit == nil {
		return 0, errors.New("the account's settings hold no limit of concurrency")
	}
	return int(out.AccountLimit.ConcurrentExecutions), nil
}

// checkQuota returns an error when a sum of reserved executions does not fit into the quota.
func (d deployment) checkQuota(sum, quota int) error {
	if sum+unreserved <= quota {
		return nil
	}
	return fmt.Errorf(
		"the functions of template.yaml reserve %d concurrent executions and AWS keeps %d for others, "+
			"but this account's quota is %d. Ask for a quota of at least %d (Service Quotas, AWS Lambda, "+
			"Concurrent executions), "+
			"or set the parameter ReserveConcurrency=false in [%s.deploy.parameters] of samconfig.toml",
		sum, unreserved, quota, sum+unreserved, d.environment)
}

var (
	regionLine     = regexp.MustCompile(`^region\s*=\s*"([^"]+)"`)
	overridesLine  = regexp.MustCompile(`^parameter_overrides\s*=`)
	reservesOption = regexp.MustCompile(`\bReserveConcurrency=true\b`)
)

// readDeployment reads the section of an environment in samconfig.toml.
func readDeployment(root, environment string) (deployment, error) {
	text, err := os.ReadFile(filepath.Join(root, "samconfig.toml"))
	if err != nil {
		return deployment{}, err
	}
	heading := "[" + environment + ".deploy.parameters]"
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		return deployment{}, fmt.Errorf("samconfig.toml has no section %s", heading)
	}
	// the section ends where the next one begins
	section, _, _ = strings.Cut(section, "\n[")
	d := deployment{environment: environment}
	for line := range strings.Lines(section) {
		if m := regionLine.FindStringSubmatch(line); m != nil {
			d.region = m[1]
		}
		if overridesLine.MatchString(line) {
			d.reserves = reservesOption.MatchString(line)
		}
	}
	return d, nil
}

// reservedConcurrency adds up what the functions of template.yaml reserve when the parameter
// ReserveConcurrency is true. No function is declared in a loop, so that the template is read as
// it is written.
func reservedConcurrency(root string) (int, error) {
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		return 0, err
	}
	var template struct {
		Resources map[string]yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		return 0, err
	}
	sum := 0
	for id, node := range template.Resources {
		share, err := reservedShare(node)
		if err != nil {
			return 0, fmt.Errorf("template.yaml: %s: %w", id, err)
		}
		sum += share
	}
	return sum, nil
}

// reservedShare returns what one function reserves, written as !If [ReservesConcurrency, SHARE,
// !Ref "AWS::NoValue"]. Any other resource reserves nothing.
func reservedShare(node yaml.Node) (int, error) {
	var function struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Share yaml.Node `yaml:"ReservedConcurrentExecutions"`
		} `yaml:"Properties"`
	}
	if node.Kind != yaml.MappingNode {
		return 0, nil // a Fn::ForEach loop
	}
	if err := node.Decode(&function); err != nil {
		return 0, err
	}
	if function.Type != "AWS::Serverless::Function" {
		return 0, nil
	}
	choice := function.Properties.Share.Content
	if len(choice) != 3 || choice[0].Value != "ReservesConcurrency" {
		return 0, errors.New("ReservedConcurrentExecutions does not depend on ReservesConcurrency")
	}
	return strconv.Atoi(choice[1].Value)
}
