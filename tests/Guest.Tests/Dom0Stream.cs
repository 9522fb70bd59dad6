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
    /// <remarks>
    /// The shell reads the count itself, since a process for each look costs dom0 as much as what it waits for. The count's file is empty
    /// for a moment when it is written.
    /// </remarks>
    public Task<string> GrowsAsync() => _guest.Dom0Async(
        $$"""
        look() { until read -r came < {{_count}}; [ -n "$came" ]; do :; done; }
        read -r sender < {{_count}}.id
        look
        goal=$((came + 50000))
        until look; [ $came -ge $goal ]; do
            kill -0 $sender || { cat {{_count}}.out; exit 1; }
            usleep 200000
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
