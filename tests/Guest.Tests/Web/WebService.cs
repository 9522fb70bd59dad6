namespace Xenlet.Guest.Tests.Web;

/// <summary>The guest of samples/Web that tests share: one of them ends it.</summary>
public sealed class WebService(XenWorld world) : IAsyncLifetime
{
    private WebGuest? _guest;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_guest is not null)
        {
            await _guest.LeaveAsync();
            await _guest.DisposeAsync();
        }
    }

    /// <summary>The guest, which is started when it does not run.</summary>
    internal async Task<WebGuest> RunningAsync() => _guest ??= await WebGuest.StartAsync(world);

    /// <summary>The guest has ended.</summary>
    internal async Task ForgetAsync()
    {
        await DisposeAsync();
        _guest = null;
    }
}
