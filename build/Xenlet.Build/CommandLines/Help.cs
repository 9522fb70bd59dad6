namespace Xenlet.Build;

/// <summary>The text of <c>help</c>.</summary>
internal static class Help
{
    public const string Text = """
        usage: ./build.sh COMMAND [OPTIONS]

          run [PROJECT] [OPTIONS] [-- ARGUMENT...]
                            build a program, boot it under real Xen in an emulator, show its console,
                            and end with its exit status. Its console alone goes to standard output.
              --memory MIB      the guest's memory (default 16)
              --vcpus N         its virtual processors (default 1)
              --ramdisk FILE    a tar archive whose files lie over the image's, in /app
              --env NAME=VALUE  an environment variable; may be repeated
              --cmdline TEXT    the guest's command line in its own syntax (below)
              --disk MIB        an empty disk; may be repeated
              --network         a network interface, on a bridge of dom0
              --plug            plug and unplug another disk while it runs, then shut it down
              --dom0 COMMAND    run a shell command in dom0 while it runs, show what that says, then shut it down;
                                @FILE is a command in a file. $GUEST is the domain's number; --network's bridge is xenbr0
              --linux COMMAND   shell commands of a Linux guest that dom0's command may start: xl create $LINUX 'vif=["..."]';
                                @FILE as with --dom0. What the guest writes is in the file $LINUX_CONSOLE of dom0
              --dom0-program P  a program of this machine, such as curl, that dom0's command finds there; may be repeated
              --interactive     the terminal is the guest's console until it ends
              --machine M       amd: QEMU with AMD's virtualisation (default); intel: Bochs with Intel's, several times slower
              --no-xen          boot the image in QEMU itself, without Xen: quicker, no devices
              --gdb[=PORT]      with --no-xen: make a Debug build and wait for gdb at PORT (default 1234)
              -- ARGUMENT...    arguments of Main, exactly as they are
          build [PROJECT]   leave artifacts/NAME/NAME.elf (the image), NAME.debug (its symbols), NAME.cfg
                            (for `xl create -c` on a Xen host), NAME.xml (for libvirt) and NAME.cdx.json (its parts)
          pack              leave the NuGet packages in artifacts/packages
              --version V       with this version instead of the repository's; the assemblies in them keep theirs
          test              run all tests but the long ones
              --filter EXPR     only those; EXPR is what `dotnet test --filter` takes
          test PROJECT [FILTER]
                            build and run one project of tests: Kernel.Tests, or its path
          test packages     make guests from the packages as their users do, in every way there is, and boot them
          test case NAME... run these cases of tests/GuestImage in a guest and show its console, without Xen
              --xen             under Xen
          soak              run the long tests; --filter as with `test`
          soak flakes       run the host's test projects 50 times and those that boot guests 10 times, beside other load, and list
                            what failed and how often. It can be interrupted: artifacts/flakes keeps the count of a commit
              --project NAME    this project only; may be repeated
              --times N         until each project was run so often
              --filter EXPR     as with `test`
          soak fuzz [TARGET...]
                            fuzz what reads the bytes of other domains, and system calls, guided by coverage, each target until
                            30 minutes brought no new edge; what is found is in artifacts/fuzz, and tests/Fuzz/Corpora keeps what
                            reaches furthest
              --minutes N       for N minutes each, at most
          bench [PART...]   measure, and print tables. PART: start, size, work, store, bus, disks, network; without one, all
          clean             remove artifacts/ and every bin/ and obj/
          help              this text

        PROJECT is a project file or its directory; without one it is samples/DeviceTree. Its property XenletRunOptions
        holds options of `run` that are taken where none are named; --disk, --network, --plug, --dom0 and --linux all together.

        A guest's command line (cmdline= in NAME.cfg) is split into words at blanks, quoted as in a POSIX shell.
        Words NAME=VALUE at its beginning are environment variables, the others are arguments of Main; a word --
        ends the variables.

        What is missing (a linker, QEMU, Bochs, gdb) is installed with apt-get when run as root, and named otherwise.

        """;
}
