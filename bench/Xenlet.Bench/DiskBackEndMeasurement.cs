using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>
/// Disks of a Linux guest in the memory of the domain that serves them: of a Xenlet, and of dom0, whose Linux has blkback and a RAM disk
/// (brd). One kind runs at a time.
/// </summary>
internal sealed class DiskBackEndMeasurement(
    XenMachine machine, BackEndGuests guests, string directory, bool isQuick, BackEndResults results, CancellationToken cancellationToken)
{
    private const int DiskMiB = 64;

    /// <summary>For one disk, which is all in the memory of the domain.</summary>
    private const int ServerMemoryMiB = DiskMiB + 64;

    /// <summary>For many disks, in which nothing is written.</summary>
    private const int ManyMemoryMiB = 24;

    /// <summary>Of a guest with many disks: Linux's front end takes 4 MiB for each, for the pages that it keeps granted.</summary>
    private const int ManyGuestMemoryMiB = 384;

    /// <summary>A disk of the Xenlet has some 27 nodes of xenstore, and a domain 1,000 by default.</summary>
    private const int Nodes = 10_000;

    private const string FirstLine = "DiskBench has a disk of";
    private const string RamDisk = "/dev/ram0";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <summary>For up to 40 disks on a machine with much else to do: each takes a second or two of the machine's processor.</summary>
    private static readonly TimeSpan AttachLimit = TimeSpan.FromMinutes(60);

    private GuestConfig? _guest;

    /// <summary>What is measured of one disk.</summary>
    public static IReadOnlyList<DiskWork> Works { get; } = [.. DiskWork.All.Where(work => work.IsRandom || work.Size > 4096)];

    /// <summary>What memory with a number of disks is called in the figures.</summary>
    public static string MemoryName(int disks) => string.Create(CultureInfo.InvariantCulture, $"disks-{disks}");

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        results.DiskCounts = [1, 10, 50];
        results.Memory = ManyMemoryMiB;
        for (int round = 1; round <= rounds; round++)
        {
            string which = $", round {round} of {rounds}";
            await tryAsync("a disk served by a Xenlet" + which, () => guests.ServeAsync(
                ServerMemoryMiB, server => WorkAsync(server, results.Xenlet), results.Xenlet.BackEnd));
            await tryAsync("a disk served by Linux" + which, () => WorkAsync(ServingDomain.Dom0, results.Linux));
            await tryAsync("many disks served by a Xenlet" + which, () => guests.ServeAsync(
                ManyMemoryMiB, server => AttachAsync(server, results.Xenlet), results.Xenlet.BackEnd));
            await tryAsync("many disks served by Linux" + which, () => AttachAsync(ServingDomain.Dom0, results.Linux));
        }
    }

    /// <summary>Makes ready what is measured, when it is first needed.</summary>
    private async Task<GuestConfig> PrepareAsync()
    {
        MeasuredProgram program = await MeasuredProgram.PublishAsync("bench/LinuxDiskBench", directory, null, cancellationToken);

        // There is nothing for a scheduler to do in front of memory.
        const string prepare = "until [ -b /dev/xvda ]; do usleep 20000; done\necho none >/sys/block/xvda/queue/scheduler";
        GuestConfig guest = LinuxGuests.Running(machine.Image, program, directory, "linux-disk", prepare, ["xen-blkfront"]);
        string module = await DebianFiles.CopyAsync(machine, "linux-image-", "/brd.ko", directory, cancellationToken);
        string script = string.Create(
            CultureInfo.InvariantCulture, $"insmod {module} rd_nr=1 rd_size={DiskMiB << 10} && xenstore-control quota set nodes {Nodes}");
        (await machine.RunInDom0Async(script, Limit, cancellationToken)).ThrowIfFailed("a RAM disk for dom0, and xenstore's quota");
        return guest;
    }

    private async Task<(XenGuest Guest, MeasuredGuest Program)> StartGuestAsync(ServingDomain server, int memoryMiB)
    {
        GuestConfig config = _guest ??= await PrepareAsync();
        return await guests.StartAsync(config with { MemoryMiB = memoryMiB, Disks = [Disk(server, "first", "xvda")] }, FirstLine);
    }

    private static string Disk(ServingDomain server, string name, string device) =>
        server.Disk(string.Create(CultureInfo.InvariantCulture, $"{DiskMiB}-{name}"), device, RamDisk);

    private async Task WorkAsync(ServingDomain server, BackEndKindResults into)
    {
        (XenGuest guest, MeasuredGuest program) = await StartGuestAsync(server, LinuxGuest.MemoryMiB);
        await using XenGuest owned = guest;

        // Every block is there before it is measured, and what both ends keep of pages and buffers.
        DiskWork fill = Works.Single(work => work is { IsWrite: true, IsRandom: false, Size: 1 << 20 });
        await program.TellAsync(fill.Command("first", DiskMiB));
        foreach (DiskWork work in Works)
        {
            await program.TellAsync(work.Command("first", work.Depth * 4));
        }

        DomainTimes times = guests.TimesOf(server, guest);
        double[] nothing = await times.MeasureAsync(() => program.TellAsync("memory nothing"));
        foreach (DiskWork work in Works)
        {
            int count = isQuick ? work.Count / 4 : work.Count;
            double[] each = await server.MeasureAsync(
                times, nothing, work.Name, () => program.TellAsync(work.Command(work.Name, count)), () => count);
            into.BackEnd.Add($"{work.Name}.processor", each[0]);
            into.FrontEnd.Add($"{work.Name}.processor", each[1]);
        }

        into.FrontEnd.Read(guest.Console.Text);
    }

    private async Task AttachAsync(ServingDomain server, BackEndKindResults into)
    {
        (XenGuest guest, MeasuredGuest _) = await StartGuestAsync(server, ManyGuestMemoryMiB);
        await using XenGuest owned = guest;
        int connected = 1;
        foreach (int count in results.DiskCounts)
        {
            if (connected < count)
            {
                into.Attach.AddRange(await AttachAsync(server, guest, Enumerable.Range(connected, count - connected)));
                connected = count;
            }

            await ReadMemoryAsync(server, MemoryName(count), into.BackEnd);
        }
    }

    /// <summary>
    /// How many milliseconds pass in dom0 from the start of xl until the back end is connected, for each of some disks. One command
    /// attaches all: while dom0 waits for the next one, the clock that counts instructions has the machine work all the time.
    /// </summary>
    private async Task<IEnumerable<double>> AttachAsync(ServingDomain server, XenGuest guest, IEnumerable<int> disks)
    {
        string script = string.Create(CultureInfo.InvariantCulture, $$"""
            now() { awk '/^now at/ { print $3; exit }' /proc/timer_list; }
            attach() {
                state=/local/domain/{{server.Domain}}/backend/vbd/{{guest.DomainId}}/$1/state
                xenstore-watch $state >/tmp/states &
                watcher=$!
                exec 3</tmp/states
                read -r first <&3
                start=$(now)
                xl block-attach {{guest.DomainId}} "$2" &
                while read -r changed <&3 && [ "$(xenstore-read $state 2>/dev/null)" != 4 ]; do :; done
                end=$(now)
                wait $! || exit
                kill $watcher
                echo $((end - start))
            }
            rm -f /tmp/states
            mkfifo /tmp/states
            {{string.Join('\n', disks.Select(index => AttachCommand(server, index)))}}
            """);
        string output = (await machine.RunInDom0Async(script, AttachLimit, cancellationToken)).ThrowIfFailed("xl block-attach").Output;
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(
            nanoseconds => double.Parse(nanoseconds, CultureInfo.InvariantCulture) / 1e6);
    }

    private static string AttachCommand(ServingDomain server, int index)
    {
        // io/blkif.h numbers 16 disks of 16 partitions after the major number 202, and all further ones otherwise.
        int number = index < 16 ? (202 << 8) | (index << 4) : (1 << 28) | (index << 8);
        string device = index < 26 ? $"xvd{(char)('a' + index)}" : $"xvd{(char)('a' + (index / 26) - 1)}{(char)('a' + (index % 26))}";
        string disk = Disk(server, string.Create(CultureInfo.InvariantCulture, $"disk{index}"), device);
        return string.Create(CultureInfo.InvariantCulture, $"attach {number} '{disk}'");
    }

    private async Task ReadMemoryAsync(ServingDomain server, string name, WorkResults into)
    {
        if (server.Program is not null)
        {
            await server.TellAsync("collect");
            await server.TellAsync($"memory {name}");
            return;
        }

        const string available = "sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; awk '/^MemAvailable/ { print $2 }' /proc/meminfo";
        string output = (await machine.RunInDom0Async(available, Limit, cancellationToken)).ThrowIfFailed("dom0's memory").Output;
        into.Add($"{name}.free", double.Parse(output, CultureInfo.InvariantCulture) * 1024);
    }
}
