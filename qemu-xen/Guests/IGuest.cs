namespace Xenlet.QemuXen;

/// <summary>A started guest, under Xen or directly in QEMU. Disposing it ends it if it still runs.</summary>
public interface IGuest : IAsyncDisposable
{
    /// <summary>Name of the guest, unique among the running ones.</summary>
    string Name { get; }

    /// <summary>What the guest wrote to its console.</summary>
    GuestConsole Console { get; }

    /// <summary>The lines that the guest wrote to port 0xE9.</summary>
    IReadOnlyList<string> HypervisorLog { get; }

    /// <summary>Sends bytes to the guest's console unchanged. Completes when they have been sent.</summary>
    Task WriteConsoleAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default);

    /// <summary>Waits until the console contains a text at or after a byte position.</summary>
    /// <returns>
    /// The position after the text. Pass it as <paramref name="from"/> to wait for what follows.
    /// </returns>
    /// <exception cref="QemuXenException">The guest ended without the text, or the limit passed.</exception>
    Task<int> WaitForTextAsync(string text, TimeSpan limit, int from = 0, CancellationToken cancellationToken = default);

    /// <summary>Waits until the guest has ended and its console is complete.</summary>
    /// <exception cref="QemuXenException">The limit passed. The guest continues.</exception>
    Task<GuestEnd> WaitForEndAsync(TimeSpan limit, CancellationToken cancellationToken = default);

    /// <summary>Ends the guest at once. Does nothing if it has ended.</summary>
    Task DestroyAsync(CancellationToken cancellationToken = default);
}
