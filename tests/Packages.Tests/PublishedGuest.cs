using System.Text;
using Xenlet.QemuXen;
using Xenlet.Tests;

namespace Xenlet.Packages.Tests;

/// <summary>What a publish left.</summary>
/// <param name="Directory">The publish folder.</param>
/// <param name="Name">The program's name.</param>
internal sealed record PublishedGuest(string Directory, string Name)
{
    private static readonly string[] Extensions = [".cdx.json", ".cfg", ".debug", ".elf", ".xml"];
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>The image.</summary>
    public string Image => FileOf(".elf");

    /// <summary>The domain for xl.</summary>
    public string Configuration => File.ReadAllText(FileOf(".cfg"));

    /// <summary>One of its files.</summary>
    public string FileOf(string extension) => Path.Combine(Directory, Name + extension);

    /// <summary>Fails the test unless the five files are there, and no other of the program.</summary>
    public void AssertWhole() =>
        Assert.Equal(
            Extensions.Select(extension => Name + extension),
            System.IO.Directory.EnumerateFiles(Directory).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    /// <summary>Boots the image and fails the test unless it writes this to its console and ends with status 0.</summary>
    /// <param name="expected">The console, without the last line.</param>
    /// <param name="isUnderXen">Whether Xen boots it, or QEMU itself.</param>
    /// <param name="commandLine">The guest's command line.</param>
    /// <param name="memory">Its memory in MiB.</param>
    public async Task AssertSaysAsync(string expected, bool isUnderXen = false, string commandLine = "", int memory = 32)
    {
        GuestRunnerOptions options = Options(commandLine, memory) with { NoXen = !isUnderXen };
        (int status, string text, string log) = await RunAsync(options);
        Assert.True(
            status == 0 && text == $"{expected}\nxenlet: exit 0\n",
            $"{Name} ought to write '{expected}' and end with 0; it ended with {status} and wrote:\n{text}\n{log}");
    }

    /// <summary>
    /// Boots the image under Xen with an interface, and has a client on this machine use a port of it. Fails the test if the guest ends
    /// before the client has done.
    /// </summary>
    /// <param name="port">The guest's TCP port.</param>
    /// <param name="memory">Its memory in MiB.</param>
    /// <param name="client">The client, which gets the address at which it reaches the port; it may come before the guest listens.</param>
    public async Task ServeMachineAsync(int port, int memory, Func<Uri, Task> client)
    {
        TaskCompletionSource<PortForward> reached = new();
        using CancellationTokenSource ended = new();
        GuestRunnerOptions options = Options("", memory) with
        {
            Network = true,
            Forwards = [new(port)],
            Forwarded = ports => reached.SetResult(ports[0]),
        };
        Task<(int Status, string Console, string Log)> run = RunAsync(options, ended.Token);
        Task work = UseAsync();
        if (await Task.WhenAny(run, work) == run)
        {
            (int status, string text, string log) = await run;
            Assert.Fail($"{Name} ended with {status} while it was in use:\n{text}\n{log}");
        }

        await ended.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        await work;

        async Task UseAsync() => await client(new UriBuilder("http", "127.0.0.1", (await reached.Task).HostPort).Uri);
    }

    private GuestRunnerOptions Options(string commandLine, int memory) => new()
    {
        Guest = new GuestConfig { Name = Name, Kernel = Image, MemoryMiB = memory, CommandLine = commandLine },
        Dom0Directory = Path.Combine(PackedFeed.RepositoryRoot, "artifacts", "dom0"),

        // Compilations of other tests may keep the machine busy while dom0 starts.
        TimeScale = 10,
        Limit = Limit,
    };

    private static async Task<(int Status, string Console, string Log)> RunAsync(
        GuestRunnerOptions options, CancellationToken cancellationToken = default)
    {
        using MemoryStream console = new();
        await using StringWriter log = new();
        int status = await GuestRunner.RunAsync(options, Stream.Null, console, log, cancellationToken);
        return (status, Encoding.UTF8.GetString(console.ToArray()).ReplaceLineEndings("\n"), log.ToString());
    }
}
