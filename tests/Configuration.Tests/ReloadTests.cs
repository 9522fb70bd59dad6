using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Xenlet.XenStoreRing;

namespace Xenlet.Configuration.Tests;

/// <summary>Changes of a real xenstored reach whoever waits for them.</summary>
public sealed class ReloadTests : IAsyncLifetime
{
    private ConfiguredDomain _domain = null!;

    public async Task InitializeAsync()
    {
        _domain = await ConfiguredDomain.StartAsync();
        _domain.Write(("Name", "first"), ("Other", "stays"));
    }

    public async Task DisposeAsync() => await _domain.DisposeAsync();

    [Fact]
    public async Task IOptionsMonitor_has_the_new_value_and_tells_its_listeners()
    {
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source);
        using OptionsMonitor<NamedOptions> monitor = new(
            new OptionsFactory<NamedOptions>([new ConfigureOptions<NamedOptions>(options => options.Name = configuration["Name"])], []),
            [new ConfigurationChangeTokenSource<NamedOptions>(configuration)], new OptionsCache<NamedOptions>());
        TaskCompletionSource<string?> heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using IDisposable? listener = monitor.OnChange(options => heard.TrySetResult(options.Name));
        Assert.Equal("first", monitor.CurrentValue.Name);
        _domain.Write(("Name", "second"));
        Assert.Equal("second", await heard.Task.WaitAsync(TimeSpan.FromMinutes(2)));
        Assert.Equal("second", monitor.CurrentValue.Name);
    }

    [Fact]
    public async Task Changes_that_come_together_are_one_and_an_equal_value_is_none()
    {
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(
            _domain.Source with { ReloadDelay = TimeSpan.FromSeconds(1) });
        int changes = 0;
        TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using IDisposable registration = ChangeToken.OnChange(configuration.GetReloadToken, () =>
        {
            Interlocked.Increment(ref changes);
            first.TrySetResult();
        });
        Stopwatch time = Stopwatch.StartNew();
        _domain.Write(("Name", "first"));
        for (int i = 0; i < 20; i++)
        {
            _domain.Write(("Name", $"{i}"), ($"Section/{i:D2}", "new"));
        }

        await ConfiguredDomain.BecomesAsync(
            configuration,
            "Name=19; Other=stays; " + string.Join("; ", Enumerable.Range(0, 20).Select(i => $"Section:{i:D2}=new")));
        await first.Task.WaitAsync(TimeSpan.FromMinutes(2));
        Assert.InRange(Volatile.Read(ref changes), 1, 1 + (int)time.Elapsed.TotalSeconds);
    }

    [Fact]
    public async Task What_is_refused_is_reported_and_nothing_of_it_is_taken_until_it_is_put_right()
    {
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source);
        _domain.Write(("Name", "second"), ("NAME", "third"));
        Assert.StartsWith(
            "configuration: a change is not taken: data/config/Name: the name of a node", await _domain.ReportedAsync(),
            StringComparison.Ordinal);
        Assert.Equal("Name=first; Other=stays", ConfiguredDomain.Show(configuration));
        _domain.Remove("/NAME");
        await ConfiguredDomain.BecomesAsync(configuration, "Name=second; Other=stays");
    }

    [Fact]
    public async Task An_optional_path_may_come_and_go_and_a_required_one_is_missed()
    {
        using ConfigurationRoot optional = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source with { IsOptional = true });
        _domain.Remove("");
        await ConfiguredDomain.BecomesAsync(optional, "");
        _domain.Write(("Name", "again"));
        await ConfiguredDomain.BecomesAsync(optional, "Name=again");

        using ConfigurationRoot required = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source);
        _domain.Remove("");
        Assert.Contains("the values stay what they were", await _domain.ReportedAsync(), StringComparison.Ordinal);
        Assert.Equal("Name=again", ConfiguredDomain.Show(required));
    }

    [Fact]
    public async Task A_listener_that_fails_is_reported_and_later_changes_are_heard()
    {
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source);
        using IDisposable registration = configuration.Providers.Single().GetReloadToken().RegisterChangeCallback(
            _ => throw new InvalidOperationException("the listener's own"), null);
        _domain.Write(("Name", "second"));
        Assert.Equal("configuration: a listener to the change failed: the listener's own", await _domain.ReportedAsync());
        _domain.Write(("Name", "third"));
        await ConfiguredDomain.BecomesAsync(configuration, "Name=third; Other=stays");
    }

    [Fact]
    public async Task A_domain_that_is_resumed_with_empty_nodes_keeps_its_values_until_somebody_writes_there()
    {
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source with { IsOptional = true });
        await _domain.Store.SuspendAsync();
        await _domain.ReplaceDaemonAsync();
        await _domain.Store.ResumeAsync(new XenStoreRingTransport(_domain.Domain, new DomainDoorbell(_domain.Domain)));
        Assert.Contains("the values stay what they were", await _domain.ReportedAsync(), StringComparison.Ordinal);
        Assert.Equal("Name=first; Other=stays", ConfiguredDomain.Show(configuration));
        _domain.Write(("Name", "restored"));
        await ConfiguredDomain.BecomesAsync(configuration, "Name=restored");
    }

    [Fact]
    public async Task Without_reloads_a_change_is_taken_when_the_program_asks()
    {
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source with { ReloadsOnChange = false });
        await using XenStoreWatch watch = await _domain.Store.WatchAsync(ConfiguredDomain.Path);
        _domain.Write(("Name", "second"));
        Assert.True(await watch.WaitToReadAsync());
        Assert.Equal("first", configuration["Name"]);
        configuration.Reload();
        Assert.Equal("second", configuration["Name"]);
    }

    private sealed class NamedOptions
    {
        public string? Name { get; set; }
    }
}
