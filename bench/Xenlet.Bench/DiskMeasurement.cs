using System.Diagnostics;
using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>Disks of both kinds of guest on the same back end, and how long it takes to save the guests and have them back.</summary>
internal sealed class DiskMeasurement(
    XenMachine machine, SerialMarks marks, string directory, DiskResults results, CancellationToken cancellationToken)
{
    private const int MemoryMiB = LinuxGuest.MemoryMiB;
    private const int SmallMemoryMiB = 32;
    private const int DiskMiB = 64;

    /// <summary>What DiskBench says when it has its disk.</summary>
    private const string FirstLine = "DiskBench has a disk of";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private MeasuredProgram _guest = null!;
    private MeasuredProgram _linux = null!;
    private string _domainTime = "";
    private string _disk = "";
    private int _lastGuest;

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        _guest = await MeasuredProgram.PublishAsync("bench/DiskBench", directory, null, cancellationToken);
        _linux = await MeasuredProgram.PublishAsync("bench/LinuxDiskBench", directory, null, cancellationToken);
        _domainTime = await MeasuredGuest.ShareDomainTimeAsync(machine, directory, cancellationToken);

        // Every block of the file is there before it is measured.
        _disk = await machine.CreateDiskAsync(DiskMiB, cancellationToken);
        string fill = $"dd if=/dev/zero of={_disk} bs=1M count={DiskMiB}";
        (await machine.RunInDom0Async(fill, Limit, cancellationToken)).ThrowIfFailed("filling a disk");
        for (int round = 1; round <= rounds; round++)
        {
            string which = $", round {round} of {rounds}";
            await tryAsync("disk of a Xenlet" + which, () => WorkAsync(Xenlet(MemoryMiB), results.Xenlet));
            await tryAsync("disk of Linux" + which, () => WorkAsync(Linux(), results.Linux));
            await tryAsync("saving a Xenlet" + which, () => SaveAsync(Xenlet(MemoryMiB), results.Xenlet.Save));
            await tryAsync("saving Linux" + which, () => SaveAsync(Linux(), results.Linux.Save));
            await tryAsync("saving a small Xenlet" + which, () => SaveAsync(Xenlet(SmallMemoryMiB), results.SmallXenlet));
        }
    }

    private GuestConfig Xenlet(int memory) =>
        new() { Name = NewName("disk"), Kernel = _guest.Image, MemoryMiB = memory, Disks = [GuestConfig.RawDisk(_disk, "xvda")] };

    /// <summary>
    /// A guest whose disk has no scheduler: there is nothing for one to do in front of memory, and without it Linux is quicker.
    /// </summary>
    private GuestConfig Linux()
    {
        const string prepare = "until [ -b /dev/xvda ]; do usleep 20000; done\necho none >/sys/block/xvda/queue/scheduler";
        return LinuxGuests.Running(machine.Image, _linux, directory, NewName("linux-disk"), prepare, ["xen-blkfront"]) with
        {
            Disks = [GuestConfig.RawDisk(_disk, "xvda")],
        };
    }

    private string NewName(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{++_lastGuest}");

    private async Task WorkAsync(GuestConfig config, DiskGuestResults into)
    {
        await using XenGuest guest = await machine.CreateGuestAsync(config, cancellationToken);
        MeasuredGuest program = Measured(guest);
        await program.WaitAsync(FirstLine);

        // The first pass of each kind fills caches, pools of grants and what the program's runtime makes once.
        foreach (DiskWork work in DiskWork.All)
        {
            await RunAsync(work, "first", work.Depth * 4);
        }

        foreach (DiskWork work in DiskWork.All)
        {
            await program.MeasureAsync(work.Name, () => RunAsync(work, work.Name, work.Count), into.Work);
        }

        await program.TellAsync("memory behind");
        TraceCounts nothing = await program.TraceNothingAsync();
        foreach (DiskWork work in DiskWork.All)
        {
            await program.TraceAsync(work.Name, () => RunAsync(work, "traced", Math.Max(work.Count / 4, 48)), nothing, into.Work);
        }

        WorkResults one = new();
        one.Read(guest.Console.Text);
        into.UsedMemory.AddRange(one["behind.free"].Select(free => config.MemoryMiB - (free / 1048576)).Values);
        into.Work.Read(guest.Console.Text);

        async Task<double> RunAsync(DiskWork work, string name, int count)
        {
            await program.TellAsync(work.Command(name, count));
            return count;
        }
    }

    private MeasuredGuest Measured(XenGuest guest) => new(machine, guest, _domainTime, "blkif-backend", cancellationToken);

    private async Task SaveAsync(GuestConfig config, SaveTimes into)
    {
        const string saved = "/tmp/saved";
        await using (XenGuest guest = await machine.CreateGuestAsync(config, cancellationToken))
        {
            await Measured(guest).WaitAsync(FirstLine);
            await guest.WriteConsoleAsync("live\n"u8.ToArray(), cancellationToken);
            await guest.WaitForTextAsync("alive 10", Limit, 0, cancellationToken);
            marks.Clear();
            string save =
                $"echo bench-saves >/dev/console\nxl save {guest.DomainId} {saved} || exit\necho bench-has-saved >/dev/console\nstat -c "
                + $"%s {saved}";
            string size = (await machine.RunInDom0Async(save, Limit, cancellationToken)).ThrowIfFailed("xl save").Output;
            into.Save.Add(await TimeBetweenAsync("bench-saves", "bench-has-saved"));
            into.Size.Add(double.Parse(size, CultureInfo.InvariantCulture) / 1048576);
        }

        marks.Clear();
        string console = Path.Combine(machine.SharedDirectory, "console", $"guest-{config.Name}.log");
        Task<long> life = TimeOfGrowthAsync(console, new FileInfo(console).Length);
        string restore = $"echo bench-restores >/dev/console\nxl restore -e {saved} && rm {saved}";
        (await machine.RunInDom0Async(restore, Limit, cancellationToken)).ThrowIfFailed("xl restore");
        await using XenGuest restored = await machine.FollowGuestAsync(config.Name, cancellationToken);
        into.Restore.Add(
            Stopwatch.GetElapsedTime(await marks.TimeOfAsync("bench-restores", cancellationToken), await life).TotalMilliseconds);
    }

    /// <summary>When a file has grown. Nothing of the guest's output is left from before: its console's page is a new one.</summary>
    private async Task<long> TimeOfGrowthAsync(string path, long length)
    {
        FileInfo file = new(path);
        long start = Stopwatch.GetTimestamp();
        while (file.Length <= length)
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
            {
                throw new BenchException("a restored guest shows no sign of life");
            }

            await Task.Delay(5, cancellationToken);
            file.Refresh();
        }

        return Stopwatch.GetTimestamp();
    }

    private async Task<double> TimeBetweenAsync(string first, string second) => Stopwatch.GetElapsedTime(
        await marks.TimeOfAsync(first, cancellationToken), await marks.TimeOfAsync(second, cancellationToken)).TotalMilliseconds;
}
