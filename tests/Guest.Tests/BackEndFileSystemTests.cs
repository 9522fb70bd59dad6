using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>Linux's file system on a disk that a Xenlet serves. Run by <c>build.sh soak</c>: it takes a whole Linux guest.</summary>
[Trait("Category", "Soak")]
[Collection(UnderXen.Name)]
public sealed class BackEndFileSystemTests(XenWorld world)
{
    /// <summary>Files that the file system has at once. Older ones are removed, so that their blocks are written again.</summary>
    private const int Files = 16;

    /// <summary>Of these, the last ones that must be whole: meanwhile the guest may have removed others.</summary>
    private const int Compared = 8;

    /// <summary>Writes a file's content, which differs from file to file. The script has its number in <c>i</c>.</summary>
    private const string Content = "yes $i | head -c 200000";

    /// <summary>
    /// dom0 makes the file system, and checks it when it has been unplugged from another guest in the middle of work. That guest is at an
    /// end then: Linux's front end refuses requests from then on.
    /// </summary>
    [Fact]
    public async Task A_file_system_that_is_unplugged_while_Linux_writes_it_has_no_error_and_all_files_that_were_synced()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(world);
        await world.GiveProgramsAsync("mkfs.ext4", "e2fsck");
        await server.AttachToLinuxAsync("files", "xvdz");
        await server.Dom0Async("mkfs.ext4 -q /dev/xvdz && sync");
        await server.DetachFromLinuxAsync("xvdz");

        int last = await FillAsync(server);

        await world.LoadModuleAsync("crc32c_generic");
        await world.LoadModuleAsync("ext4");
        await server.AttachToLinuxAsync("files", "xvdz");
        Assert.Equal("clean\nequal", await server.Dom0Async(string.Create(CultureInfo.InvariantCulture, $"""
            e2fsck -p /dev/xvdz > /dev/null
            [ $? -le 1 ] && e2fsck -fn /dev/xvdz > /dev/null 2>&1 && echo clean
            mkdir -p /tmp/files
            mount -t ext4 -o ro /dev/xvdz /tmp/files || exit
            for i in $(seq {last - Compared + 1} {last}); do {Content} | cmp - /tmp/files/$i || exit; done && echo equal
            umount /tmp/files
            """)));
        await server.DetachFromLinuxAsync("xvdz");
        await server.EndAsync();
    }

    /// <summary>Has a guest fill the disk, and unplugs it meanwhile; gives the last file that was synced.</summary>
    private async Task<int> FillAsync(BlockServerGuest server)
    {
        string directory = Directory.CreateTempSubdirectory("xenlet-files").FullName;
        try
        {
            GuestConfig config = LinuxGuest.Create(world.Machine.Image, world.NewName(), directory, string.Create(
                CultureInfo.InvariantCulture,
                $"""
                until [ -b /dev/xvda ]; do usleep 20000; done
                mkdir /files
                mount -t ext4 /dev/xvda /files
                i=1
                while {Content} | dd of=/files/$i bs=64k conv=fsync 2> /dev/null; do
                    echo "synced $i"
                    rm -f /files/$((i - {Files}))
                    i=$((i + 1))
                done
                while :; do sleep 1000; done
                """), ["xen-blkfront", "crc32c_generic", "ext4"]);
            await using XenGuest guest = await world.Machine.CreateGuestAsync(config with { Disks = [server.Disk("files", "xvda")] });
            await guest.WaitForTextAsync(string.Create(CultureInfo.InvariantCulture, $"synced {2 * Files}\r"), World.Limit, 0);
            await guest.DetachDiskAsync("xvda");
            await guest.DestroyAsync();
            await server.HasNothingForAsync(guest.DomainId.ToString(CultureInfo.InvariantCulture));
            string said = guest.Console.Text;
            string synced = said[said.LastIndexOf("synced ", StringComparison.Ordinal)..].Split(' ', '\r', '\n')[1];
            return int.Parse(synced, CultureInfo.InvariantCulture);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
