"""The review page: people accept or reject what a model has segmented, slice by slice (parida2021, section 3, stage 2).

    candidates   what there is to judge, and how it gets into a folder
    decisions    who decided what and when: a file that only grows
    agreement    how far two people who judged the same slices agree
    order        which slices a reviewer sees, and which first
    progress     how far the work is, and how long it takes yet
    picture      slices as PNG files, predictions as outlines
    desk         all of these together: what the page and `--status` tell
    server       the page over HTTP, for this machine alone
    offline      the page as a folder, for people without the server, and the way back of their decisions
"""
