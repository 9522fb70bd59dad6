using System.Globalization;
using System.IO.Compression;
using Xenlet.QemuXen;
using Xenlet.QemuXen.Image;

namespace Xenlet.Bench;

/// <summary>xenstore: reads and watches in guests of both kinds, with dom0 at the other end, and on the host.</summary>
internal sealed class StoreMeasurement(XenMachine machine, string directory, StoreResults results, CancellationToken cancellationToken)
{
    /// <summary>What .NET needs and dom0's tools do not. It fits dom0's C library because both are Debian's.</summary>
    private const string MathLibrary = "/lib/x86_64-linux-gnu/libm.so.6";

    private const string LastLine = "StoreBench has ended";
    private const int Exchanges = 300;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private MeasuredProgram _guest = null!;
    private MeasuredProgram _linux = null!;
    private int _lastGuest;

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        _guest = await MeasuredProgram.PublishAsync("bench/StoreBench", directory, null, cancellationToken);
        _linux = await MeasuredProgram.PublishAsync("bench/LinuxStoreBench", directory, null, cancellationToken);
        await using HostStore host = await HostStore.StartAsync(directory, cancellationToken);
        for (int round = 1; round <= rounds; round++)
        {
            string which = $", round {round} of {rounds}";
            await tryAsync("xenstore in a Xenlet" + which, () => ReadInGuestAsync(Xenlet("read name"), results.Xenlet));
            await tryAsync("libxenstore on Linux" + which, () => ReadInGuestAsync(Linux("library-read name"), results.LinuxLibrary));
            await tryAsync("our client on Linux" + which, () => ReadInGuestAsync(Linux("read name"), results.LinuxClient));
            await tryAsync("xenstore on the host" + which, async () =>
            {
                results.HostLibrary.Read(await host.RunAsync(_linux.Image, "library-read", HostStore.Node));
                results.HostClient.Read(await host.RunAsync(_linux.Image, "read", HostStore.Node));
            });
            await tryAsync(
                "exchanges with a Xenlet" + which, () => ExchangeAsync(Xenlet($"answer data {Exchanges}"), results.XenletExchange));
            await tryAsync(
                "exchanges with Linux" + which, () => ExchangeAsync(Linux($"library-answer data {Exchanges}"), results.LinuxExchange));
        }
    }

    private GuestConfig Xenlet(string arguments) =>
        new() { Name = NewName("store"), Kernel = _guest.Image, MemoryMiB = LinuxGuest.MemoryMiB, CommandLine = arguments };

    /// <summary>A guest whose file system is dom0's, which has libxenstore, and whose init runs the program.</summary>
    private GuestConfig Linux(string arguments)
    {
        GuestConfig config = LinuxGuest.Create(machine.Image, NewName("linux-store"), directory, $"/bin/{_linux.Name} {arguments}");
        string ramdisk = Path.Combine(directory, config.Name + ".gz");
        using FileStream file = File.Create(ramdisk);
        using GZipStream output = new(file, CompressionLevel.Fastest);
        foreach (string archive in (string[])[machine.Image.Initramfs, config.Ramdisk!])
        {
            using FileStream compressed = File.OpenRead(archive);
            using GZipStream input = new(compressed, CompressionMode.Decompress);
            input.CopyTo(output);
        }

        using CpioWriter cpio = new(output);
        cpio.AddFile("bin/" + _linux.Name, File.ReadAllBytes(_linux.Image), executable: true);
        cpio.AddFile(MathLibrary[1..], File.ReadAllBytes(MathLibrary), executable: true);
        return config with { Ramdisk = ramdisk };
    }

    private string NewName(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{++_lastGuest}");

    private async Task ReadInGuestAsync(GuestConfig config, WorkResults into)
    {
        await using XenGuest guest = await machine.CreateGuestAsync(config, cancellationToken);
        await guest.WaitForTextAsync(LastLine, Limit, 0, cancellationToken);
        into.Read(guest.Console.Text);
    }

    private async Task ExchangeAsync(GuestConfig config, WorkResults into)
    {
        await using XenGuest guest = await machine.CreateGuestAsync(config, cancellationToken);
        string home = string.Create(CultureInfo.InvariantCulture, $"/local/domain/{guest.DomainId}/data");
        string command = $"""
            mkdir -p /tmp/lib && ln -sf {machine.Share(MathLibrary)} /tmp/lib/libm.so.6
            LD_LIBRARY_PATH=/tmp/lib {machine.Share(_linux.Image)} ask {home} {Exchanges}
            """;
        into.Read((await machine.RunInDom0Async(command, Limit, cancellationToken)).ThrowIfFailed(command).Output);
    }
}
