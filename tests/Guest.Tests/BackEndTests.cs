using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>Disks that a Xenlet serves, to another Xenlet and to dom0's Linux, with libxl as the tool stack of both.</summary>
[Collection(UnderXen.Name)]
public sealed class BackEndTests(XenWorld world)
{
    /// <summary>More disks than xenstored's default quotas are good for.</summary>
    private const int Most = 36;

    [Fact]
    public async Task A_Xenlet_serves_a_disk_to_another_refuses_those_beyond_its_quota_and_both_let_go_of_everything_when_it_is_detached()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(world, storeMiB: BlockServerGuest.SmallMiB);
        await using BlockGuest guest = await BlockGuest.StartAsync(world, server.Disk("one", "xvda"));
        Assert.StartsWith("xvda: 4194304 bytes in sectors of 512 flush True", await guest.DoAsync("show xvda"), StringComparison.Ordinal);
        Assert.Equal("ok", await guest.DoAsync("fill xvda 1"));
        Assert.Equal("ok", await guest.DoAsync("check xvda 1"));
        Assert.Equal("ok", await guest.DoAsync("discard xvda 1048576 2097152"));
        Assert.Equal("ok", await guest.DoAsync("zeros xvda 1048576 2097152"));
        Task<string> work = guest.DoAsync("random xvda 300 7");
        await AssertRefusesBeyondQuotaAsync(server);
        Assert.Equal("ok", await work);
        Assert.Equal("ok", await guest.DoAsync("flush xvda"));
        await AssertRefusesAsync(server, guest);
        await guest.Guest.DetachDiskAsync("xvda");
        await guest.SeesAsync("bus vbd/51712: departed");
        Assert.Equal("", await guest.Dom0Async("xenstore-ls /libxl/$id/device 2>/dev/null | grep vbd/ || true"));
        Assert.Equal("", await server.Dom0Async($"xenstore-ls $home/backend/vbd/{guest.Id} || true"));
        await server.MappedAsync("0 pages, 0 stuck");
        await guest.EndAsync(isUnplugged: true);
        await server.EndAsync();
    }

    /// <summary>A store that cannot be opened: libxl gives up after its ten seconds, and leaves the device to who detaches it.</summary>
    private static async Task AssertRefusesAsync(BlockServerGuest server, BlockGuest guest)
    {
        await Assert.ThrowsAsync<QemuXenException>(() => guest.Guest.AttachDiskAsync(server.Disk("refused", "xvdb")));
        Assert.EndsWith(
            " it cannot be served: there is no such store",
            await server.Dom0Async($"xenstore-read $home/error/backend/vbd/{guest.Id}/51728/error"),
            StringComparison.Ordinal);
        Assert.Equal(
            "there is no such store\nerror",
            await server.Dom0Async($"for each in error status; do xenstore-read $home/backend/vbd/{guest.Id}/51728/hotplug-$each; done"));
        await guest.Guest.DetachDiskAsync("xvdb");
        Assert.Equal("51712", await server.Dom0Async($"xenstore-list $home/backend/vbd/{guest.Id}"));
    }

    /// <summary>With xenstored's default quotas; docs/backends.md says how many disks they are good for.</summary>
    private static async Task AssertRefusesBeyondQuotaAsync(BlockServerGuest server)
    {
        WrittenDisks idle = new(server);
        string states = await idle.AddAsync(30);
        while (states.EndsWith('2') && idle.Count < Most)
        {
            states = await idle.AddAsync(1);
        }

        Assert.Equal("6", states);
        Assert.StartsWith("28 it cannot be served", await idle.LastErrorAsync(), StringComparison.Ordinal);
        Assert.InRange(idle.Count, 32, Most);
        await idle.RemoveAsync();
    }

    /// <summary>Linux's front end is dom0's own, by <c>xl block-attach 0</c>.</summary>
    [Fact]
    public async Task Linux_reads_of_a_Xenlets_disk_what_it_wrote_follows_its_size_and_detaches_it()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(world, storeMiB: BlockServerGuest.SmallMiB);
        await server.AttachToLinuxAsync("linux", "xvdz");
        Assert.Equal("8192\nequal", await server.Dom0Async(
            $"""
            cat /sys/block/xvdz/size
            cp {world.SharePattern(seed: 11, sizeMiB: 4)} /tmp/pattern
            dd if=/tmp/pattern of=/dev/xvdz bs=256k conv=fsync 2> /dev/null
            echo 3 > /proc/sys/vm/drop_caches
            cmp /tmp/pattern /dev/xvdz && echo equal
            """));
        Assert.Equal("equal\nequal", await server.Dom0Async(RandomWork));

        await server.ResizeAsync("linux", 5 << 20);
        await server.Dom0Async("until [ $(cat /sys/block/xvdz/size) = 10240 ]; do usleep 100000; done");
        Assert.Equal("equal", await server.Dom0Async(
            """
            dd if=/tmp/pattern of=/dev/xvdz bs=1M seek=4 count=1 conv=fsync 2> /dev/null
            echo 3 > /proc/sys/vm/drop_caches
            dd if=/dev/xvdz bs=1M skip=4 2> /dev/null | cmp -n 1048576 - /tmp/pattern && echo equal
            """));
        await server.ResizeAsync("linux", 4 << 20);
        await server.Dom0Async("until [ $(cat /sys/block/xvdz/size) = 8192 ]; do usleep 100000; done");

        Assert.Equal("equal\ngone", await server.Dom0Async(
            """
            echo 3 > /proc/sys/vm/drop_caches
            cmp /tmp/model /dev/xvdz && echo equal
            xl block-detach 0 xvdz
            rm /tmp/pattern /tmp/model
            ls /sys/block | grep xvdz || echo gone
            """));
        Assert.Equal("", await server.Dom0Async("xenstore-ls $home/backend/vbd/0 || true"));
        await server.MappedAsync("0 pages, 0 stuck");
        await server.EndAsync();
    }

    /// <summary>
    /// The disks are dom0's own. Each encrypted one has the other end of the same memory, which cryptsetup opens: what the one has written
    /// the other reads. Run by <c>build.sh soak</c>: on the host, tests/BackEnds.Tests compares each sector with OpenSSL's.
    /// </summary>
    [Fact]
    [Trait("Category", "Soak")]
    public async Task Linux_opens_with_cryptsetup_what_a_store_encrypts_and_a_store_of_changes_leaves_its_original_as_it_is()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(world);
        await world.GiveProgramsAsync("cryptsetup");
        foreach (string module in (string[])["dm-crypt", "xts", "ecb"])
        {
            await world.LoadModuleAsync(module);
        }

        await server.AttachToLinuxAsync("below", "xvdv");
        await server.AttachToLinuxAsync("encrypted-512-of-below", "xvdw");
        await server.AttachToLinuxAsync("encrypted-4096-of-below", "xvdx");
        await server.AttachToLinuxAsync("original", "xvdy");
        await server.AttachToLinuxAsync("changed-of-original", "xvdz");
        string prepares =
            $$"""
            cp {{world.SharePattern(seed: 12, sizeMiB: 2)}} /tmp/pattern
            puts() { dd if=/tmp/pattern of=/dev/$1 bs=1M seek=$2 count=2 conv=fsync 2> /dev/null; }
            has() { dd if=/dev/$1 bs=1M skip=$2 count=2 2> /dev/null | cmp - ${3:-/tmp/pattern} && echo "$1 has it"; }
            forgets() { echo 3 > /proc/sys/vm/drop_caches; }

            """;
        Assert.Equal(
            """
            512
            mapper/plain has it
            xvdw has it
            4096
            mapper/plain has it
            xvdx has it
            xvdz has it
            xvdz has it
            xvdy has it
            """,
            await server.Dom0Async(prepares + Encryption + Changes));
        foreach (string disk in (string[])["xvdv", "xvdw", "xvdx", "xvdy", "xvdz"])
        {
            await server.DetachFromLinuxAsync(disk);
        }

        await server.LetsGoOfAsync("0");
        await server.EndAsync();
    }

    /// <summary>Linux writes by the store and reads by dm-crypt, and the other way round, far behind the beginning.</summary>
    private const string Encryption =
        """
        awk 'BEGIN { for (i = 1; i <= 64; i++) printf "%c", i }' > /tmp/key
        for disk in xvdw xvdx; do
            sector=$(cat /sys/block/$disk/queue/logical_block_size)
            echo $sector
            puts $disk 5
            forgets
            cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 --key-file /tmp/key --sector-size $sector /dev/xvdv plain
            has mapper/plain 5
            puts mapper/plain 14
            cryptsetup close plain
            forgets
            has $disk 14
        done
        rm /tmp/key

        """;

    /// <summary>Sectors of several pieces of 64 KiB are changed, of some of them all.</summary>
    private const string Changes =
        """
        puts xvdy 0
        has xvdz 0
        cp /tmp/pattern /tmp/model
        for places in '3 1' '100 60' '1000 500' '4095 1'; do
            for disk in /tmp/model /dev/xvdz; do
                dd if=/tmp/pattern of=$disk bs=512 skip=7 seek=${places% *} count=${places#* } conv=notrunc,fsync 2> /dev/null
            done
        done
        forgets
        has xvdz 0 /tmp/model
        has xvdy 0
        rm /tmp/pattern /tmp/model
        """;

    /// <summary>Writes of random places and lengths, to the disk and to a file that is its model, which are compared twice.</summary>
    private const string RandomWork =
        """
        cp /tmp/pattern /tmp/model
        for round in 1 2; do
            awk -v seed=$round 'BEGIN { srand(seed); for (i = 0; i < 15; i++) {
                count = int(1 + rand() * 600); print int(rand() * (8192 - count)), count, int(rand() * 7500) } }' |
            while read -r to count from; do
                for disk in /tmp/model /dev/xvdz; do
                    dd if=/tmp/pattern of=$disk bs=512 seek=$to count=$count skip=$from conv=notrunc 2> /dev/null
                done
            done
            sync
            echo 3 > /proc/sys/vm/drop_caches
            cmp /tmp/model /dev/xvdz && echo equal
        done
        """;
}

/// <summary>The same with many disks. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(UnderXen.Name)]
public sealed class BackEndSoakTests(XenWorld world)
{
    /// <summary>As many as are made at a time.</summary>
    private const int Step = 12;

    /// <summary>
    /// The quota is xenstored's for each domain, which the option <c>-E</c> sets as well. xl makes the first one and, beside all the
    /// others, the last.
    /// </summary>
    [Fact]
    public async Task With_a_raised_quota_110_disks_of_a_guest_are_served()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(world, storeMiB: BlockServerGuest.SmallMiB);
        await server.Dom0Async("xenstore-control quota set nodes 10000");
        try
        {
            await using BlockGuest guest = await BlockGuest.StartAsync(world, server.Disk("first", "xvda"));
            WrittenDisks disks = new(server, guest);
            List<string> names = ["xvda"];
            while (names.Count < 109)
            {
                Assert.Equal(string.Join('\n', Enumerable.Repeat('4', Step)), await disks.AddAsync(Step));
                names.AddRange(Enumerable.Range(names.Count, Step).Select(WrittenDisks.Name));
            }

            names.Add(WrittenDisks.Name(names.Count));
            await guest.Guest.AttachDiskAsync(server.Disk("last", names[^1]));
            for (int i = 0; i < names.Count; i++)
            {
                Assert.Equal("ok", await guest.DoAsync($"write {names[i]} {i * 512}"));
                Assert.Equal("ok", await guest.DoAsync($"zeros {names[i]} 0 65536"));
            }

            Assert.Equal("ok", await guest.DoAsync($"random {names[^1]} 40 2"));
            await guest.Guest.DetachDiskAsync("xvda");
            await guest.Guest.DetachDiskAsync(names[^1]);
            await disks.RemoveAsync();
            await guest.EndAsync(isUnplugged: true);
            await server.LetsGoOfAsync(guest.Id);
        }
        finally
        {
            await server.Dom0Async("xenstore-control quota set nodes 1000");
        }

        await server.EndAsync();
    }
}
