package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// codeBucket is the bucket to which the zip files of the functions are uploaded.
const codeBucket = "fenzhang-deploy"

// awsConfig returns the configuration of an AWS client for the local AWS.
func (p profile) awsConfig() aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(p.endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, accessKey, ""),
	}
}

// s3Client returns an S3 client that addresses buckets by path: bucket names do not resolve as
// host names on this machine.
func (p profile) s3Client() *s3.Client {
	return s3.NewFromConfig(p.awsConfig(), func(o *s3.Options) { o.UsePathStyle = true })
}

// templateParameters returns the template parameters that differ from their defaults on this
// machine.
func (p profile) templateParameters() ([]string, error) {
	publisher, err := p.rulesPublicKey()
	return []string{
		"Stage=local",
		"Architecture=" + hostTarget().lambdaArch(),
		"LocalEndpoint=" + p.endpoint(),
		"GatewayDouyinUrl=http://" + p.address(1),
		"GatewayBankUrl=http://" + p.address(2),
		"RulesPublisherKeys=" + publisher,
	}, err
}

// deploy deploys the template and the binaries to the local AWS, unless exactly these are deployed
// already.
func deploy(ctx context.Context, p profile, say func(string)) (string, error) {
	want, err := p.fingerprint()
	if err != nil {
		return "", err
	}
	// sam deploy is called only when a binary, the template or a parameter has changed
	if have, err := os.ReadFile(p.statePath("deployed")); err == nil && string(have) == want {
		return "unchanged", nil
	}
	if err := makeBucket(ctx, p.s3Client()); err != nil {
		return "", err
	}
	parameters, err := p.templateParameters()
	if err != nil {
		return "", err
	}
	args := append([]string{"deploy", "--config-env", "local", "--s3-bucket", codeBucket,
		"--parameter-overrides"}, parameters...)
	cmd := newCommand(ctx, p.root, toolPath(p.root, "sam", "sam"), args...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+p.endpoint(), "AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region,
		"AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+accessKey, "SAM_CLI_TELEMETRY=0",
		"SAM_CLI_POLL_DELAY=0.5")
	if err := runLogged(ctx, cmd, p.statePath("deploy.log"), say); err != nil {
		return "", err
	}
	if err := p.completeDeployment(ctx); err != nil {
		return "", err
	}
	return "stack " + stackName, os.WriteFile(p.statePath("deployed"), []byte(want), 0o644)
}

// fingerprint returns a hash of everything that a deployment depends on. The process of the local
// AWS is part of it, because the local AWS keeps its state in memory.
func (p profile) fingerprint() (string, error) {
	r, ok := runningProcess(p, localAWS)
	if !ok {
		return "", errors.New("the local AWS is not running")
	}
	parameters, err := p.templateParameters()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, _ = fmt.Fprintln(h, r.PID, r.Started, parameters) // a hash takes all
	files, err := filepath.Glob(filepath.Join(p.root, ".local", "build", "*.zip"))
	if err != nil {
		return "", err
	}
	for _, path := range append(files, filepath.Join(p.root, "template.yaml"),
		filepath.Join(p.root, "samconfig.toml")) {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		// the path is hashed too, so that swapped files change the hash
		h.Write([]byte(path + "\n"))
		h.Write(content)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// makeBucket creates the bucket of the zip files, unless it exists.
func makeBucket(ctx context.Context, client *s3.Client) error {
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(codeBucket)})
	var mine *s3types.BucketAlreadyOwnedByYou
	if errors.As(err, &mine) {
		return nil
	}
	return err
}

// completeDeployment does what the local AWS leaves out of a deployment: it sets the Object Lock
// of the audit bucket, which the local AWS ignores in the template. It also writes the keys of the
// payment gateways, as an operator does on AWS.
func (p profile) completeDeployment(ctx context.Context) error {
	out, err := p.stackOutputs(ctx)
	if err != nil {
		return err
	}
	if err := p.lockAuditBucket(ctx, out["AuditBucket"]); err != nil {
		return err
	}
	secret, err := os.ReadFile(p.gatewaySecretPath())
	if err != nil {
		return err
	}
	_, err = secretsmanager.NewFromConfig(p.awsConfig()).PutSecretValue(ctx,
		&secretsmanager.PutSecretValueInput{
			SecretId: aws.String(out["GatewaySecretArn"]), SecretString: aws.String(string(secret)),
		})
	if err != nil {
		return fmt.Errorf("put the gateways' keys: %w", err)
	}
	if err := p.writeSAMFiles(ctx); err != nil {
		return err
	}
	return writeEnv(p.envFile, p.clientSettings(out))
}

// lockAuditBucket locks new objects of the audit bucket for a day.
func (p profile) lockAuditBucket(ctx context.Context, bucket string) error {
	_, err := p.s3Client().PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{
		Bucket: aws.String(bucket),
		ObjectLockConfiguration: &s3types.ObjectLockConfiguration{
			ObjectLockEnabled: s3types.ObjectLockEnabledEnabled,
			Rule: &s3types.ObjectLockRule{
				DefaultRetention: &s3types.DefaultRetention{Mode: s3types.ObjectLockRetentionModeGovernance,
					Days: aws.Int32(1)}},
		},
	})
	if err != nil {
		return fmt.Errorf("lock the audit bucket: %w", err)
	}
	return nil
}

// stackOutputs returns the outputs of the deployed CloudFormation stack.
func (p profile) stackOutputs(ctx context.Context) (map[string]string, error) {
	res, err := cloudformation.NewFromConfig(p.awsConfig()).DescribeStacks(ctx,
		&cloudformation.DescribeStacksInput{StackName: aws.String(stackName)})
	if err != nil {
		return nil, fmt.Errorf("read the stack's outputs: %w", err)
	}
	if len(res.Stacks) != 1 {
		return nil, fmt.Errorf("read the stack's outputs: %d stacks of that name", len(res.Stacks))
	}
	out := map[string]string{}
	for _, o := range res.Stacks[0].Outputs {
		out[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return out, nil
}

// clientSettings returns the addresses of the stack for clients, tests and the demo, under the
// names of the environment variables of the functions.
func (p profile) clientSettings(out map[string]string) []setting {
	lines := []setting{
		{"FENZHANG_API_URL", strings.TrimSuffix(out["ApiUrl"], "/")},
		{"FENZHANG_TENANT", "demo-mcn"},
		{"FENZHANG_PROFILE", p.name},
		{"STAGE", "local"},
		{"STACK_NAME", stackName},
		{"AWS_ENDPOINT_URL", p.endpoint()},
		{"AWS_REGION", region},
		{"AWS_ACCESS_KEY_ID", accessKey},
		{"AWS_SECRET_ACCESS_KEY", accessKey},
		{"GATEWAY_DOUYIN_URL", "http://" + p.address(1)},
		{"GATEWAY_BANK_URL", "http://" + p.address(2)},
	}
	for _, name := range []struct{ key, output string }{
		{"TABLE_INCENTIVES", "IncentivesTable"}, {"TABLE_SETTLEMENTS", "SettlementsTable"},
		{"TABLE_LEDGER", "LedgerTable"},
		{"TABLE_CONTROL", "ControlTable"}, {"TABLE_TENANCY", "TenancyTable"},
		{"QUEUE_TAX_URL", "TaxQueueUrl"}, {"QUEUE_SETTLE_URL", "SettleQueueUrl"},
		{"QUEUE_PAYOUT_URL", "PayoutQueueUrl"},
		{"QUEUE_AUDIT_URL", "AuditQueueUrl"}, {"QUEUE_COHORT_URL", "CohortQueueUrl"},
		{"DLQ_TAX_URL", "TaxDlqUrl"}, {"DLQ_SETTLE_URL", "SettleDlqUrl"},
		{"DLQ_PAYOUT_URL", "PayoutDlqUrl"},
		{"DLQ_AUDIT_URL", "AuditDlqUrl"}, {"DLQ_COHORT_URL", "CohortDlqUrl"},
		{"EVENT_BUS", "EventBus"}, {"AUDIT_BUCKET", "AuditBucket"}, {"RULES_BUCKET", "RulesBucket"},
		{"DOCUMENTS_BUCKET", "DocumentsBucket"}, {"DATA_KEY_ARN", "DataKeyArn"},
		{"JWT_SECRET_ARN", "JwtSecretArn"}, {"JWT_ISSUER", "JwtIssuer"}, {"JWT_AUDIENCE", "JwtAudience"},
		{"LOOKUP_SECRET_ARN", "LookupSecretArn"}, {"SIGNING_SECRET_ARN", "SigningSecretArn"},
		{"GATEWAY_SECRET_ARN", "GatewaySecretArn"},
	} {
		lines = append(lines, setting{name.key, out[name.output]})
	}
	return lines
}
