using System.Globalization;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Disks of a guest as libxl makes them, for front ends in dom0 that never start: they cost nothing but nodes of xenstore, which belong to
/// the guest and count for its quota.
/// </summary>
internal sealed class IdleDisks(BlockServerGuest server)
{
    /// <summary>Nodes that a script writes for a disk, in the front end's directory and in the back end's.</summary>
    private const int NodesOfDisk = 5 + 14;

    /// <summary>Ten disks, a name and a value for each node: dom0 works longer to start a command than to write so much.</summary>
    private const int WordsOfWrite = 10 * 2 * NodesOfDisk;

    // What the scripts have in common. io/blkif.h numbers a disk so that is none of the first 16.
    private const string Paths =
        """
        fronts=/local/domain/0/data/idle
        backs=$home/backend/vbd/0
        number() { echo $(((1 << 28) | ($1 << 8))); }
        states() { for i in $(seq $1 $2); do echo $backs/$(((1 << 28) | (i << 8)))/state; done; }
        """;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Makes some, and waits until the guest has opened or refused each.</summary>
    /// <returns>The states of their back ends, line by line.</returns>
    public Task<string> AddAsync(int count)
    {
        int first = Count + 1;
        Count += count;
        return server.Dom0Async(string.Create(CultureInfo.InvariantCulture, $$"""
            {{Paths}}
            xenstore-exists $backs || { xenstore-write $backs ""; xenstore-chmod $backs n$id r0; }
            xenstore-exists $fronts || { xenstore-write $fronts ""; xenstore-chmod $fronts n0 r$id; }
            for i in $(seq {{first}} {{Count}}); do
                number=$(((1 << 28) | (i << 8)))
                front=$fronts/$number
                back=$backs/$number
                echo $front/backend $back $front/backend-id $id $front/state 1 $front/virtual-device $number $front/device-type disk \
                    $back/frontend $front $back/frontend-id 0 $back/online 1 $back/state 1 $back/params $i $back/script block \
                    $back/bootable 1 $back/dev xvdq $back/type backend $back/mode w $back/device-type disk $back/removable 0 \
                    $back/discard-enable 1 $back/trusted 1
            done | xargs -n {{WordsOfWrite}} xenstore-write
            until found=$(xenstore-read $(states {{first}} {{Count}})) && ! echo "$found" | grep -qx 1; do usleep 300000; done
            echo "$found"
            """));
    }

    /// <summary>What stands in the error node of the last one.</summary>
    public Task<string> LastErrorAsync() => server.Dom0Async(string.Create(
        CultureInfo.InvariantCulture, $"{Paths}\nxenstore-read $home/error/backend/vbd/0/$(number {Count})/error"));

    /// <summary>Removes all as libxl does, and waits until the guest has done its part.</summary>
    public async Task RemoveAsync()
    {
        await server.Dom0Async(string.Create(CultureInfo.InvariantCulture, $$"""
            {{Paths}}
            for state in $(states 1 {{Count}}); do echo ${state%/state}/online 0 $state 5; done | xargs xenstore-write
            """));
        await server.HasNothingForAsync("0");
        await server.Dom0Async($"{Paths}\nxenstore-rm $fronts");
    }
}
