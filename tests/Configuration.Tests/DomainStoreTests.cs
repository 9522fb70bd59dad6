using Microsoft.Extensions.Configuration;
using Xenlet.XenStoreRing;

namespace Xenlet.Configuration.Tests;

/// <summary>Configuration over the client that the domain's services lend. One after the other: there is one domain in a process.</summary>
public sealed class DomainStoreTests : IAsyncLifetime
{
    private ConfiguredDomain _domain = null!;

    public async Task InitializeAsync()
    {
        _domain = await ConfiguredDomain.StartAsync();
        _domain.Write(("Name", "first"));
    }

    public async Task DisposeAsync() => await _domain.DisposeAsync();

    [Fact]
    public void Where_nobody_has_opened_xenstore_an_optional_source_is_empty_and_a_required_one_says_so()
    {
        XenStoreConfigurationSource source = _domain.Source with { Store = null };
        Assert.Contains(
            "nobody has opened it", Assert.Throws<XenStoreException>(() => ConfiguredDomain.Build(source)).Message,
            StringComparison.Ordinal);
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(source with { IsOptional = true });
        Assert.Equal("", ConfiguredDomain.Show(configuration));
    }

    [Fact]
    public async Task When_the_services_end_and_others_begin_the_source_goes_on_with_their_client()
    {
        IDisposable loan = DomainStore.Lend(_domain.Store);
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source with { Store = null });
        Assert.Equal("Name=first", ConfiguredDomain.Show(configuration));
        loan.Dispose();
        await _domain.Store.DisposeAsync();

        _domain.Write(("Name", "between"));
        await using XenStoreClient next = await _domain.Domain.ConnectAsync();
        using IDisposable another = DomainStore.Lend(next);
        await ConfiguredDomain.BecomesAsync(configuration, "Name=between");
        _domain.Write(("Name", "after"));
        await ConfiguredDomain.BecomesAsync(configuration, "Name=after");
        Assert.True(_domain.Reported is null, _domain.Reported);
    }

    [Fact]
    public async Task A_lent_client_that_takes_long_to_end_is_no_failure()
    {
        IDisposable loan = DomainStore.Lend(_domain.Store);
        using ConfigurationRoot configuration = (ConfigurationRoot)ConfiguredDomain.Build(_domain.Source with { Store = null });
        await _domain.Daemon.KillAsync();
        loan.Dispose();
        // Nobody answers its last requests: it waits for that longer than the pause before a first retry.
        await _domain.Store.DisposeAsync();

        await _domain.ReplaceDaemonAsync();
        _domain.Write(("Name", "after"));
        await using XenStoreClient next = await _domain.Domain.ConnectAsync();
        using IDisposable another = DomainStore.Lend(next);
        await ConfiguredDomain.BecomesAsync(configuration, "Name=after");
        Assert.True(_domain.Reported is null, _domain.Reported);
    }
}
