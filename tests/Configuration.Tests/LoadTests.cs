using Microsoft.Extensions.Configuration;
using Xenlet.XenStoreRing;

namespace Xenlet.Configuration.Tests;

/// <summary>What is read of a real xenstored, over a domain's ring.</summary>
public sealed class LoadTests : IAsyncLifetime
{
    private ConfiguredDomain _domain = null!;

    public async Task InitializeAsync() => _domain = await ConfiguredDomain.StartAsync();

    public async Task DisposeAsync() => await _domain.DisposeAsync();

    [Fact]
    public void Nodes_are_keys_and_directories_sections()
    {
        _domain.Write(
            ("Logging/LogLevel/Default", "Warning"),
            ("Greeting", "hellå, wörld"),
            ("Empty", ""),
            ("Both", "a value"),
            ("Both/Below", "another"),
            ("Urls/0", "http://a"),
            ("Urls/1", "http://b"));
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source);
        Assert.Equal(
            "Both=a value; Both:Below=another; Empty=; Greeting=hellå, wörld; Logging:LogLevel:Default=Warning; Urls:0=http://a; "
            + "Urls:1=http://b",
            ConfiguredDomain.Show(configuration));
        Assert.Equal("Warning", configuration["logging:loglevel:DEFAULT"]);
        Assert.Equal(["0", "1"], configuration.GetSection("Urls").GetChildren().Select(child => child.Key));
    }

    [Fact]
    public void A_path_that_is_missing_is_named_unless_it_is_optional()
    {
        XenStoreException missing = Assert.Throws<XenStoreException>(() => ConfiguredDomain.Build(_domain.Source));
        Assert.Equal(XenStoreError.ENOENT, missing.Error);
        Assert.Contains("data/config is not in xenstore", missing.Message, StringComparison.Ordinal);
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source with { IsOptional = true });
        Assert.Equal("", ConfiguredDomain.Show(configuration));
    }

    public static TheoryData<string, string[], string> Refused => new()
    {
        { "two names that differ in case alone", ["Level/a", "level/b"], "data/config/level: the name of a node beside it differs" },
        { "a value that is no UTF-8", ["Good", "Bad=\xff"], "data/config/Bad: its value is not UTF-8" },
        { "too many nodes", ["1", "2", "3", "4", "5", "6"], "data/config: more than 5 nodes" },
        { "too many bytes", ["Long=aaaaaaaaaaaaaaaaaaaaa"], "data/config: values of more than 20 bytes together" },
        { "too many sections", ["a/b/c/d"], "data/config/a/b/c: more than 3 sections within each other" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_could_be_misunderstood_or_has_no_bounds_is_refused_by_name(string what, string[] nodes, string expected)
    {
        _domain.WriteBytes([.. nodes.Select(node => node.Split('=')).Select(
            parts => (parts[0], System.Text.Encoding.Latin1.GetBytes(parts.ElementAtOrDefault(1) ?? "")))]);
        XenStoreConfigurationSource source = _domain.Source with { MaximumNodes = 5, MaximumBytes = 20, MaximumDepth = 3 };
        InvalidDataException refusal = Assert.Throws<InvalidDataException>(() => ConfiguredDomain.Build(source));
        Assert.True(refusal.Message.StartsWith(expected, StringComparison.Ordinal), $"{what}: {refusal.Message}");
    }

    [Fact]
    public void A_node_that_the_domain_may_not_read_is_named()
    {
        _domain.Write(("Open", "1"), ("Hidden", "2"));
        _domain.Hide("Hidden");
        XenStoreException refusal = Assert.Throws<XenStoreException>(() => ConfiguredDomain.Build(_domain.Source));
        Assert.Equal((XenStoreError.EACCES, "data/config/Hidden"), (refusal.Error, refusal.Path));
    }

    [Fact]
    public void A_path_that_no_node_can_have_is_refused_at_once() =>
        Assert.Contains(
            "'data:config' is no path of xenstore",
            Assert.Throws<ArgumentException>(() => new ConfigurationBuilder().AddXenStore("data:config")).Message,
            StringComparison.Ordinal);
}
