using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest whose console is followed, and dom0 beside it.</summary>
internal abstract class FollowedGuest(XenWorld world, XenGuest guest) : IAsyncDisposable
{
    private XenGuest _guest = guest;

    /// <summary>Where the text that was waited for last ends on the console.</summary>
    protected int Position { get; private set; }

    public XenGuest Guest => _guest;

    /// <summary>The domain's number as it stands in paths.</summary>
    public string Id => Guest.DomainId.ToString(CultureInfo.InvariantCulture);

    /// <summary>Its directory in xenstore.</summary>
    public string Home => $"/local/domain/{Id}";

    protected XenWorld Xen => world;

    /// <summary>The domain was restored or migrated: it is a new one, with a new console.</summary>
    public async Task GoOnAsAsync(XenGuest guest)
    {
        await _guest.DisposeAsync();
        _guest = guest;
        Position = 0;
    }

    /// <summary>Waits for a line with this text behind the one waited for last.</summary>
    public async Task SeesAsync(string text) => Position = await Guest.WaitForTextAsync(text, World.Limit, Position);

    /// <summary>Waits for lines with these texts, in any order, behind the one waited for last.</summary>
    public async Task SeesAllAsync(params string[] texts)
    {
        int from = Position;
        foreach (string text in texts)
        {
            Position = Math.Max(Position, await Guest.WaitForTextAsync(text, World.Limit, from));
        }
    }

    /// <summary>Runs a script in dom0, in which $home stands for the guest's directory and $id for its number.</summary>
    public async Task<string> Dom0Async(string script, TimeSpan? limit = null) =>
        (await Xen.Machine.RunInDom0Async($"home={Home}\nid={Id}\n{script}", limit ?? World.Limit)).ThrowIfFailed(script).Output.Trim();

    /// <summary>Puts a program of the host where dom0 can run it, and gives its path there.</summary>
    public Task<string> CopyProgramAsync(string hostPath) => Xen.Machine.CopyProgramAsync(hostPath);

    /// <summary>Waits until the node of a device's error says something. It is written after the event with the same text.</summary>
    public Task HasErrorAsync(string device, string part) => Dom0Async(
        $"until xenstore-read $home/error/device/{device}/error 2>/dev/null | grep -q '{part}'; do usleep 300000; done");

    public ValueTask DisposeAsync() => Guest.DisposeAsync();
}
