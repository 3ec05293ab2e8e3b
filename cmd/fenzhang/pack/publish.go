package pack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/law/publish"
	"fenzhang/shared/law/rulepack"
)

// stack is the deployed system to which packs are published.
type stack struct {
	cfg      aws.Config
	function string
	bucket   string
}

// connectStack reads the stack's name and bucket from the environment.
func connectStack(ctx context.Context) (stack, error) {
	vars := env.Read()
	s := stack{function: vars.Need("STACK_NAME") + "-publish-rules", bucket: vars.Need("RULES_BUCKET")}
	if err := vars.Err(); err != nil {
		return s, err
	}
	var err error
	s.cfg, err = awsclient.Config(ctx)
	return s, err
}

// invokePublishRules invokes the function publish-rules with an order and decodes its answer.
func (s stack) invokePublishRules(ctx context.Context, order publish.Order, into any) error {
	payload, err := json.Marshal(order)
	if err != nil {
		return err
	}
	out, err := lambda.NewFromConfig(s.cfg).Invoke(ctx,
		&lambda.InvokeInput{FunctionName: &s.function, Payload: payload})
	if err != nil {
		return err
	}
	if out.FunctionError != nil {
		return fmt.Errorf("%s failed: %s", s.function, out.Payload)
	}
	return json.Unmarshal(out.Payload, into)
}

// moveVersion returns the command that orders one step in the life of a pack version, such as
// activate or revoke.
func moveVersion(job string) func(context.Context, []string, io.Writer) error {
	return func(ctx context.Context, args []string, out io.Writer) error {
		s, err := connectStack(ctx)
		if err != nil {
			return err
		}
		order := publish.Order{Job: job, Pack: args[0], By: os.Getenv("USER"), Why: os.Getenv("WHY")}
		if len(args) > 1 {
			order.Version = args[1]
		}
		var m publish.Outcome
		if err := s.invokePublishRules(ctx, order, &m); err != nil {
			return err
		}
		if m.Refused != "" {
			return fmt.Errorf("refused, everything stays as it was: %s", m.Refused)
		}
		return printOutcome(out, m)
	}
}

// printOutcome prints the outcome of a step in one line.
func printOutcome(out io.Writer, m publish.Outcome) error {
	word := "done"
	if !m.Changed {
		word = "it was so already"
	}
	_, err := fmt.Fprintf(out, "%s %s@%s: %s; active %s (before: %s), shadow %s, change %d\n", m.Job,
		m.Pack, m.Version, word, m.Active, m.Before, cmp.Or(m.Shadow, "none"), m.Rev)
	return err
}

// fetchReport returns the state of a pack, or of all packs when the name is empty.
func (s stack) fetchReport(ctx context.Context, pack string) (publish.Report, error) {
	var r publish.Report
	err := s.invokePublishRules(ctx, publish.Order{Job: "status", Pack: pack}, &r)
	return r, err
}

// printStatus prints the state of the packs; for a named pack also its versions and history.
func printStatus(ctx context.Context, args []string, out io.Writer) error {
	s, err := connectStack(ctx)
	if err != nil {
		return err
	}
	r, err := s.fetchReport(ctx, strings.Join(args, ""))
	if err != nil {
		return err
	}
	return printReport(out, r)
}

// printReport prints a report as tables: the packs, then the versions and the history of named
// packs, then refused uploads.
func printReport(out io.Writer, r publish.Report) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	var all bytes.Buffer
	fmt.Fprintf(&all, "change %d; trusted keys: %s\n", r.Rev,
		cmp.Or(strings.Join(r.Trusted, ", "), "none"))
	fmt.Fprintln(&all, "PACK\tACTIVE\tSHADOW\tCARRIED\tBEFORE")
	for _, p := range r.Packs {
		carried := "none"
		if p.Embedded != nil {
			carried = p.Embedded.Version
		}
		fmt.Fprintf(&all, "%s\t%s\t%s\t%s\t%s\n", p.Pack, p.Active, cmp.Or(p.Shadow, "-"), carried,
			strings.Join(p.Before, " "))
	}
	for _, p := range r.Packs {
		for _, v := range p.Versions {
			fmt.Fprintf(&all, "version %s\t%s\t%s\t%d examples\tsigned by %s\n", v.Version, v.State,
				v.At.Format(time.RFC3339), v.Examples, v.Key)
		}
		for _, c := range p.History {
			fmt.Fprintf(&all, "%s\t%s\t%s -> %s\t%s\t%s\n", c.At.Format(time.RFC3339), c.Act,
				cmp.Or(c.From, "-"), c.To, c.By, c.Why)
		}
	}
	for _, f := range r.Refusals {
		fmt.Fprintf(&all, "refused %s\t%s\t%s\n", f.At.Format(time.RFC3339), f.What, f.Why)
	}
	if _, err := all.WriteTo(w); err != nil {
		return err
	}
	return w.Flush()
}

// uploadPack copies a signed pack into the rules bucket and waits for the decision of
// publish-rules. The manifest is copied last, because its arrival makes publish-rules read the
// files.
func uploadPack(ctx context.Context, args []string, out io.Writer) error {
	dir := os.DirFS(args[0])
	raw, err := os.ReadFile(path.Join(args[0], rulepack.ManifestName))
	if err != nil {
		return fmt.Errorf("%w; sign the pack first", err)
	}
	m, err := rulepack.ParseManifest(raw)
	if err == nil {
		err = m.CheckFiles(dir)
	}
	if err != nil {
		return err
	}
	s, err := connectStack(ctx)
	if err != nil {
		return err
	}
	// Refusals from before the upload must not be taken for its answer.
	before, err := s.fetchReport(ctx, m.Pack)
	if err != nil {
		return err
	}
	folder := "incoming/" + m.Pack + "/" + m.Version + "/"
	if err := s.copyPack(ctx, args[0], folder, m, raw); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "copied %d files to %s%s\n", len(m.Files)+1, s.bucket+"/", folder)
	return errors.Join(err, s.awaitOutcome(ctx, m, before, out))
}

// copyPack copies the files of a pack, and then its manifest, into a folder of the rules bucket.
func (s stack) copyPack(ctx context.Context, dir, folder string, m rulepack.Manifest,
	manifest []byte) error {
	client := s3.NewFromConfig(s.cfg, func(o *s3.Options) {
		o.UsePathStyle = s.cfg.BaseEndpoint != nil
	})
	put := func(name string, body []byte) error {
		_, err := client.PutObject(ctx,
			&s3.PutObjectInput{Bucket: &s.bucket, Key: aws.String(folder + name),
				Body: bytes.NewReader(body)})
		if err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
		return nil
	}
	for _, f := range m.Files {
		body, err := os.ReadFile(path.Join(dir, f.Path))
		if err != nil {
			return err
		}
		if err := put(f.Path, body); err != nil {
			return err
		}
	}
	return put(rulepack.ManifestName, manifest)
}

// uploadTimeout is the longest time that publish-rules may take to decide on an upload.
const uploadTimeout = time.Minute

// awaitOutcome waits until the version has the state that its manifest requests, or is refused.
func (s stack) awaitOutcome(ctx context.Context, m rulepack.Manifest, before publish.Report,
	out io.Writer) error {
	for end := time.Now().Add(uploadTimeout); time.Now().Before(end); {
		r, err := s.fetchReport(ctx, m.Pack)
		if err != nil {
			return err
		}
		for _, f := range r.Refusals {
			if !slices.ContainsFunc(before.Refusals, func(b publish.Refusal) bool {
				return b.ID == f.ID
			}) && strings.Contains(f.What, "/"+m.Version+"/") {
				return fmt.Errorf("refused, everything stays as it was: %s", f.Why)
			}
		}
		for _, p := range r.Packs {
			if i := slices.IndexFunc(p.Versions, func(v publish.Version) bool {
				return v.SHA256 == m.PackID().SHA256 && hasReachedState(v.State, m.WantedState())
			}); i >= 0 {
				_, err := fmt.Fprintf(out, "%s@%s is stored: %s\n", m.Pack, m.Version, p.Versions[i].State)
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return fmt.Errorf(
		"publish-rules has said nothing within %s; see its log, and fenzhang pack status %s",
		uploadTimeout,
		m.Pack)
}

// hasReachedState reports whether a version has the state that its manifest requests. A draft has
// it as soon as it is stored.
func hasReachedState(is, wanted rulepack.State) bool {
	return wanted == rulepack.Draft || is == wanted
}
