namespace Xenlet.Guest.Tests;

/// <summary>
/// Bytes without end from dom0 to a guest that sends them back, and an idle connection beside them (<c>stream</c> of tests/NetworkPeer).
/// </summary>
internal sealed class Dom0Stream
{
    private readonly FollowedGuest _guest;

    // In dom0: how many bytes have come back is in the file.
    private readonly string _count;

    private Dom0Stream(FollowedGuest guest, string address) => (_guest, _count) = (guest, $"/tmp/streamed-{address}");

    /// <summary>Begins a stream, and waits until it flows.</summary>
    public static async Task<Dom0Stream> StartAsync(FollowedGuest guest, string address)
    {
        Dom0Stream started = new(guest, address);
        string peer = await guest.CopyProgramAsync(await Images.NetworkPeer);
        await guest.Dom0Async(
            $"""
            rm -f {started._count}*
            echo 0 > {started._count}
            {peer} stream {address} 7 {started._count} > {started._count}.out 2>&1 & echo $! > {started._count}.id
            """);
        await started.GrowsAsync();
        return started;
    }

    /// <summary>Waits until more of the stream has come back.</summary>
    public Task<string> GrowsAsync() => _guest.Dom0Async(
        $"""
        goal=$(($(cat {_count}) + 100000))
        until [ "$(cat {_count})" -ge $goal ] 2> /dev/null; do
            kill -0 $(cat {_count}.id) || cat {_count}.out
            kill -0 $(cat {_count}.id) || exit 1
            usleep 100000
        done
        """);

    /// <summary>Ends the stream, and gives what its sender says of it.</summary>
    public Task<string> EndAsync() => _guest.Dom0Async(
        $"""
        touch {_count}.stop
        while kill -0 $(cat {_count}.id) 2> /dev/null; do usleep 100000; done
        cat {_count}.out
        rm -f {_count}*
        """);

    /// <summary>Ends its sender, whose connections nobody answers any more.</summary>
    public Task<string> AbandonAsync() => _guest.Dom0Async($"kill $(cat {_count}.id); rm -f {_count}*");
}
