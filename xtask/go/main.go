// The library of in-toto-golang as a servant: one JSON request a line in, one JSON answer a line out.
//
// Everything is done by in-toto-golang; nothing of the formats is written here.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
	_ "unsafe" // for go:linkname

	"github.com/in-toto/in-toto-golang/in_toto"
)

// The matcher of artifact rules, which the library keeps to itself.
//
//go:linkname match github.com/in-toto/in-toto-golang/in_toto.match
func match(pattern, name string) (matched bool, err error)

type item struct {
	Name      string   `json:"name"`
	Keys      []string `json:"keys"`
	Threshold int      `json:"threshold"`
	Command   []string `json:"command"`
	Run       []string `json:"run"`
	Materials []string `json:"materials"`
	Products  []string `json:"products"`
	// Who may do a step by certificate.
	Constraints []in_toto.CertificateConstraint `json:"cert_constraints"`
}

type plan struct {
	Expires     string `json:"expires"`
	Readme      string `json:"readme"`
	Steps       []item `json:"steps"`
	Inspections []item `json:"inspections"`
	// Files of certificates.
	Roots []string `json:"roots"`
}

type request struct {
	Do       string      `json:"do"`
	Plan     plan        `json:"plan"`
	Signers  []string    `json:"signers"`
	Dsse     bool        `json:"dsse"`
	Out      string      `json:"out"`
	Pairs    [][2]string `json:"pairs"`
	Private  string      `json:"private"`
	Public   string      `json:"public"`
	Step     string      `json:"step"`
	Command  []string    `json:"command"`
	Products []string    `json:"products"`
	// Materials of a step that is run.
	Materials []string `json:"materials"`
	// The file of a certificate of the private key.
	Certificate string   `json:"certificate"`
	Folder      string   `json:"folder"`
	Layout      string   `json:"layout"`
	Links       string   `json:"links"`
	Keys        []string `json:"keys"`
	Product     string   `json:"product"`
	// Files of certificates between the roots and those of signatures.
	Authorities []string `json:"authorities"`
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func load(file string) in_toto.Key {
	var key in_toto.Key
	must(key.LoadKeyDefaults(file))
	return key
}

func rules(lines []string) [][]string {
	all := [][]string{}
	for _, line := range lines {
		all = append(all, strings.Fields(line))
	}
	return all
}

func (i item) artifacts() in_toto.SupplyChainItem {
	return in_toto.SupplyChainItem{
		Name:              i.Name,
		ExpectedMaterials: rules(i.Materials),
		ExpectedProducts:  rules(i.Products),
	}
}

// layout makes a layout by the types that an author of layouts uses, and signs it.
func layout(r request) any {
	made := in_toto.Layout{
		Type: "layout", Expires: r.Plan.Expires, Readme: r.Plan.Readme,
		Keys: map[string]in_toto.Key{}, Steps: []in_toto.Step{}, Inspect: []in_toto.Inspection{},
		RootCas: map[string]in_toto.Key{},
	}
	for _, file := range r.Plan.Roots {
		root := load(file)
		made.RootCas[root.KeyID] = root
	}
	for _, step := range r.Plan.Steps {
		ids := []string{}
		for _, file := range step.Keys {
			key := load(file)
			made.Keys[key.KeyID] = key
			ids = append(ids, key.KeyID)
		}
		made.Steps = append(made.Steps, in_toto.Step{
			Type: "step", PubKeys: ids, ExpectedCommand: step.Command, Threshold: step.Threshold,
			CertificateConstraints: step.Constraints, SupplyChainItem: step.artifacts(),
		})
	}
	for _, inspection := range r.Plan.Inspections {
		made.Inspect = append(made.Inspect, in_toto.Inspection{
			Type: "inspection", Run: inspection.Run, SupplyChainItem: inspection.artifacts(),
		})
	}
	var metadata in_toto.Metadata = &in_toto.Metablock{Signed: made}
	if r.Dsse {
		envelope := &in_toto.Envelope{}
		must(envelope.SetPayload(made))
		metadata = envelope
	}
	for _, file := range r.Signers {
		must(metadata.Sign(load(file)))
	}
	must(metadata.Dump(r.Out))
	return struct{}{}
}

// keyID computes the id of a private or a public key.
func keyID(r request) any {
	key := load(r.Private + r.Public)
	return map[string]string{"keyid": key.KeyID}
}

// run runs a step in the folder of the product and writes its link.
func run(r request) any {
	defer in(r.Product)()
	key := load(r.Private)
	if r.Certificate != "" {
		key.KeyVal.Certificate = load(r.Certificate).KeyVal.Certificate
	}
	metadata, err := in_toto.InTotoRun(r.Step, "", r.Materials, r.Products, r.Command, key,
		[]string{"sha256"}, nil, nil, false, false, r.Dsse)
	must(err)
	name := fmt.Sprintf(in_toto.LinkNameFormat, r.Step, key.KeyID)
	must(metadata.Dump(r.Folder + "/" + name))
	return map[string]string{"link": name}
}

// judge verifies a chain in the folder of its product.
func judge(r request) any {
	defer in(r.Product)()
	err := verify(r)
	if err != nil {
		return map[string]any{"accepted": false, "error": "error", "message": err.Error()}
	}
	return map[string]any{"accepted": true, "error": "", "message": ""}
}

func verify(r request) (err error) {
	// The library may panic on what it was not made for: that is no acceptance either.
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	metadata, err := in_toto.LoadMetadata(r.Layout)
	if err != nil {
		return err
	}
	keys := map[string]in_toto.Key{}
	for _, file := range r.Keys {
		var key in_toto.Key
		if err := key.LoadKeyDefaults(file); err != nil {
			return err
		}
		keys[key.KeyID] = key
	}
	authorities := [][]byte{}
	for _, file := range r.Authorities {
		pem, err := os.ReadFile(file)
		must(err)
		authorities = append(authorities, pem)
	}
	_, err = in_toto.InTotoVerify(metadata, keys, r.Links, "", map[string]string{}, authorities, false)
	return err
}

func in(folder string) func() {
	home, err := os.Getwd()
	must(err)
	must(os.Chdir(folder))
	return func() { must(os.Chdir(home)) }
}

// matches tells of each pair of a pattern and a name whether they match, or that the pattern is bad; the
// pattern is cleaned first, as the rules do.
func matches(r request) any {
	var answers strings.Builder
	for _, pair := range r.Pairs {
		matched, err := match(path.Clean(pair[0]), pair[1])
		switch {
		case err != nil:
			answers.WriteByte('!')
		case matched:
			answers.WriteByte('y')
		default:
			answers.WriteByte('n')
		}
	}
	return map[string]string{"answers": answers.String()}
}

// attempt answers a request, or says why the library cannot do what it asks for.
func attempt(operation func(request) any, question request) (answer any) {
	defer func() {
		if reason := recover(); reason != nil {
			answer = map[string]string{"failed": fmt.Sprint(reason)}
		}
	}()
	return operation(question)
}

func main() {
	// The library prints its warnings to stdout, where the answers go.
	answers := bufio.NewWriter(os.Stdout)
	os.Stdout = os.Stderr
	operations := map[string]func(request) any{
		"layout": layout, "key-id": keyID, "run": run, "judge": judge, "match": matches,
	}
	questions := bufio.NewReader(os.Stdin)
	for {
		line, err := questions.ReadBytes('\n')
		if len(line) == 0 || err != nil {
			return
		}
		var question request
		must(json.Unmarshal(line, &question))
		answer, err := json.Marshal(attempt(operations[question.Do], question))
		must(err)
		_, err = answers.Write(append(answer, '\n'))
		must(err)
		must(answers.Flush())
	}
}
