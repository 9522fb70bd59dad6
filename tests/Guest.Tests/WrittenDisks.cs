using System.Globalization;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Disks of a guest that are made by writing the nodes that libxl would write, many at a time, since each <c>xl block-attach</c> costs dom0
/// a process and waits for both ends. The back ends' nodes belong to the guest that serves, and count for its quota.
/// </summary>
/// <param name="server">Serves them.</param>
/// <param name="guest">
/// Has the front ends. Without one, they are dom0's and never start: such disks cost nothing but nodes of xenstore.
/// </param>
internal sealed class WrittenDisks(BlockServerGuest server, BlockGuest? guest = null)
{
    /// <summary>Nodes that a script writes for a disk, in the front end's directory and in the back end's.</summary>
    private const int NodesOfDisk = 5 + 14;

    /// <summary>Ten disks, a name and a value for each node: dom0 works longer to start a command than to write so much.</summary>
    private const int WordsOfWrite = 10 * 2 * NodesOfDisk;

    // What the scripts have in common. io/blkif.h numbers a disk so that is none of the first 16.
    private readonly string _paths =
        $$"""
        front_id={{guest?.Id ?? "0"}}
        fronts={{(guest is null ? "/local/domain/0/data/idle" : guest.Home + "/device/vbd")}}
        backs=$home/backend/vbd/$front_id
        states() { for i in $(seq $1 $2); do echo $backs/$(((1 << 28) | (i << 8)))/state; done; }
        """;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The name in the guest of each, from 1 to <see cref="Count"/>.</summary>
    public static string Name(int number) => number < 26
        ? $"xvd{(char)('a' + number)}" : $"xvd{(char)('a' + (number / 26) - 1)}{(char)('a' + (number % 26))}";

    /// <summary>Makes some, and waits until the guest has opened or refused each, and has connected it if there are front ends.</summary>
    /// <returns>The states of their back ends, line by line.</returns>
    public Task<string> AddAsync(int count)
    {
        int first = Count + 1;
        Count += count;

        // New nodes have the owner and the permissions of the directory that they are in. libxl has made these two if it has made a disk.
        string prepares = first > 1 ? "" : """
            for each in $backs $fronts; do xenstore-exists $each || xenstore-write $each ""; done
            xenstore-chmod $backs n$id r$front_id
            xenstore-chmod $fronts n$front_id r$id
            """;
        string passing = guest is null ? "1" : "[12]";
        return server.Dom0Async(string.Create(CultureInfo.InvariantCulture, $$"""
            {{_paths}}
            {{prepares}}
            for i in $(seq {{first}} {{Count}}); do
                number=$(((1 << 28) | (i << 8)))
                front=$fronts/$number
                back=$backs/$number
                echo $front/backend $back $front/backend-id $id $front/virtual-device $number $front/device-type disk \
                    $back/frontend $front $back/frontend-id $front_id $back/online 1 $back/state 1 $back/params $i $back/script block \
                    $back/bootable 1 $back/dev xvdq $back/type backend $back/mode w $back/device-type disk $back/removable 0 \
                    $back/discard-enable 1 $back/trusted 1 $front/state 1
            done | xargs -n {{WordsOfWrite}} xenstore-write
            until found=$(xenstore-read $(states {{first}} {{Count}})) && ! echo "$found" | grep -qx '{{passing}}'; do usleep 300000; done
            echo "$found"
            """));
    }

    /// <summary>What stands in the error node of the last one.</summary>
    public Task<string> LastErrorAsync() => server.Dom0Async(string.Create(
        CultureInfo.InvariantCulture, $"{_paths}\nxenstore-read $home/error/backend/vbd/$front_id/{(1 << 28) | (Count << 8)}/error"));

    /// <summary>Removes all as libxl does, and waits until the guest has done its part.</summary>
    public async Task RemoveAsync()
    {
        await server.Dom0Async(string.Create(CultureInfo.InvariantCulture, $$"""
            {{_paths}}
            for state in $(states 1 {{Count}}); do echo ${state%/state}/online 0 $state 5; done | xargs xenstore-write
            """));
        await server.HasNothingForAsync(guest?.Id ?? "0");
        await server.Dom0Async($"{_paths}\nxenstore-rm $fronts");
    }
}
