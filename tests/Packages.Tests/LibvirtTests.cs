using System.Text.RegularExpressions;

namespace Xenlet.Packages.Tests;

/// <summary>NAME.xml is what libvirt takes, and says to libvirt what NAME.cfg says to xl.</summary>
[Trait("Category", "Soak")]
public sealed partial class LibvirtTests
{
    private const string Everything = """
        <XenletMemory>64</XenletMemory>
        <XenletVCpus>2</XenletVCpus>
        <XenletDomainName>one-guest</XenletDomainName>
        <XenletImagePath>/srv/guests/guest.elf</XenletImagePath>
        <XenletCommandLine>NAME='a b' "say; it" &lt;&amp;&gt;</XenletCommandLine>
        """;

    private const string Devices = """
        <XenletDisk Include="xvda" Path="/dev/vg/a disk" />
        <XenletDisk Include="xvdb" Path="/srv/b.qcow2" Format="qcow2" Access="ro" />
        <XenletInterface Include="xenbr0" Mac="00:16:3E:01:02:03" />
        <XenletInterface Include="xenbr1" />
        """;

    [Fact]
    public async Task Libvirts_schema_has_the_domain_and_its_configuration_for_xl_says_what_ours_does()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        (string plainXl, string plain) = await DomainAsync(workplace, "plain", "", "");
        (string wholeXl, string whole) = await DomainAsync(workplace, "whole", Everything, Devices);

        // What libvirt does not know has to be seen, or the schema's answers would say nothing.
        string wrong = plain.Replace("<on_crash>destroy<", "<on_crash>despair<", StringComparison.Ordinal);
        LibvirtAnswer[] answers = [.. await Libvirt.AskAsync(plain, whole, wrong)];

        Assert.Contains("fails to validate", answers[2].Schema, StringComparison.Ordinal);
        foreach ((string xl, LibvirtAnswer answer) in new[] { (plainXl, answers[0]), (wholeXl, answers[1]) })
        {
            Assert.True(
                answer.Schema.Contains("validates", StringComparison.Ordinal) && !answer.Schema.Contains("fails", StringComparison.Ordinal),
                $"virt-xml-validate ought to accept the domain, and says:\n{answer.Schema}");
            AssertAgrees(Read(xl), Read(answer.Native), answer.Native);
        }
    }

    /// <summary>The two files of a project's domain, which need no compiled program.</summary>
    private static async Task<(string Xl, string Libvirt)> DomainAsync(Workplace workplace, string name, string properties, string items)
    {
        workplace.Write($"{name}/{name}.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <Sdk Name="Xenlet.Sdk" Version="VERSION" />
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                {properties}
              </PropertyGroup>
              <ItemGroup>
                {items}
              </ItemGroup>
            </Project>
            """);
        (await workplace.DotNetAsync(
            name,
            ["msbuild", "-restore", "-t:XenletDomain", "-p:_IsPublishing=true", "-p:Configuration=Release", "-v:quiet", "-nologo", "-m:1"]))
            .AssertSucceeded();
        string file = workplace.PathOf($"{name}/obj/Release/net10.0/linux-x64/xenlet/{name}");
        return (await File.ReadAllTextAsync(file + ".cfg"), await File.ReadAllTextAsync(file + ".xml"));
    }

    /// <summary>Each setting of ours is libvirt's too. Of a disk or an interface libvirt says more, such as its script.</summary>
    private static void AssertAgrees(Dictionary<string, string[]> ours, Dictionary<string, string[]> libvirts, string text)
    {
        foreach ((string key, string[] values) in ours)
        {
            string[] theirs = libvirts.GetValueOrDefault(key, []);
            bool isEqual = values.Length == theirs.Length && values.Zip(theirs).All(pair => key is "disk" or "vif"
                ? pair.First.ToUpperInvariant().Split(',').All(pair.Second.ToUpperInvariant().Split(',').Contains)

                // Without a path of its own, the image lies beside NAME.cfg for xl, and in libvirt's directory for libvirt.
                : key == "kernel" ? pair.Second.EndsWith(pair.First, StringComparison.Ordinal) : pair.First == pair.Second);
            Assert.True(isEqual, $"libvirt ought to say {key} = {string.Join(" | ", values)} to xl, as NAME.cfg does, and says\n{text}");
        }
    }

    /// <summary>The settings of a configuration for xl: the text or number of each, or the texts of a list.</summary>
    private static Dictionary<string, string[]> Read(string configuration) =>
        Setting().Matches(configuration).ToDictionary(
            line => line.Groups["key"].Value,
            line => Value().Matches(line.Groups["value"].Value).Select(value => value.Groups["number"].Success
                ? value.Value
                : value.Groups["long"].Success
                    ? value.Groups["long"].Value
                    : value.Groups["text"].Value.Replace("\\\"", "\"", StringComparison.Ordinal)).ToArray());

    [GeneratedRegex("^(?<key>[a-z_]+) = (?<value>.*)$", RegexOptions.Multiline)]
    private static partial Regex Setting();

    [GeneratedRegex("\"\"\"(?<long>.*)\"\"\"|\"(?<text>(?:[^\"\\\\]|\\\\.)*)\"|(?<number>[0-9]+)")]
    private static partial Regex Value();
}
