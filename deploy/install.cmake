# What `cmake --install` puts beside the programs: lists and keys, units, manual pages (if scdoc is
# there), completion, an example. /etc/cordon/cordon.yaml is left to the operator if it exists.

set(CORDON_UNIT_DIR ${CMAKE_INSTALL_PREFIX}/lib/systemd/system CACHE PATH "Folder of systemd units")
set(CORDON_SYSUSERS_DIR ${CMAKE_INSTALL_PREFIX}/lib/sysusers.d CACHE PATH "Folder of sysusers.d(5)")
set(CORDON_TMPFILES_DIR ${CMAKE_INSTALL_PREFIX}/lib/tmpfiles.d CACHE PATH "Folder of tmpfiles.d(5)")

install(DIRECTORY blocklists/ DESTINATION ${CMAKE_INSTALL_DATADIR}/cordon/blocklists
  FILES_MATCHING PATTERN "*.list" PATTERN "*.root" PATTERN "catalogue" PATTERN "*.minisig" PATTERN "keys/*.pub" PATTERN "FORMAT.md")

install(FILES deploy/exports/dnsdist-cdb.lua deploy/exports/knot.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/cordon/exports)

# Texts name programs and lists where they will be.
foreach(unit cordond.service cordond.socket cordon-update.service cordon-update.timer cordon.tmpfiles cordon.yaml)
  file(READ deploy/systemd/${unit} text)
  string(REPLACE "/usr/share/cordon/" "${CMAKE_INSTALL_FULL_DATADIR}/cordon/" text "${text}")
  string(REPLACE "/usr/sbin/" "${CMAKE_INSTALL_FULL_SBINDIR}/" text "${text}")
  string(REPLACE "/usr/bin/" "${CMAKE_INSTALL_FULL_BINDIR}/" text "${text}")
  file(WRITE ${CMAKE_BINARY_DIR}/deploy/${unit} "${text}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS deploy/systemd/${unit})
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/deploy/cordond.service ${CMAKE_BINARY_DIR}/deploy/cordond.socket
  ${CMAKE_BINARY_DIR}/deploy/cordon-update.service ${CMAKE_BINARY_DIR}/deploy/cordon-update.timer
  DESTINATION ${CORDON_UNIT_DIR})
install(FILES deploy/systemd/cordon.sysusers DESTINATION ${CORDON_SYSUSERS_DIR} RENAME cordon.conf)
install(FILES ${CMAKE_BINARY_DIR}/deploy/cordon.tmpfiles DESTINATION ${CORDON_TMPFILES_DIR} RENAME cordon.conf)
install(FILES deploy/systemd/resolved-port-53.conf deploy/cordon.yaml
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES deploy/prometheus/cordon.rules.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES LICENSE NOTICE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES deploy/completion/cordon.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME cordon)
# /usr has its configuration in /etc, as GNUInstallDirs knows; any other prefix too, since that is
# where cordond looks.
install(CODE "
  if(NOT EXISTS \"\$ENV{DESTDIR}/etc/cordon/cordon.yaml\")
    file(INSTALL ${CMAKE_BINARY_DIR}/deploy/cordon.yaml DESTINATION /etc/cordon)
  else()
    message(STATUS \"Kept: \$ENV{DESTDIR}/etc/cordon/cordon.yaml\")
  endif()")

find_program(SCDOC scdoc)
if(SCDOC)
  file(GLOB pages CONFIGURE_DEPENDS docs/man/*.scd)
  set(made)
  foreach(page IN LISTS pages)
    get_filename_component(name ${page} NAME_WLE)
    string(REGEX REPLACE ".*\\." "" section ${name})
    set(output ${CMAKE_BINARY_DIR}/man/${name})
    add_custom_command(OUTPUT ${output} DEPENDS ${page}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
      COMMAND sh -c "\"$1\" <\"$2\" >\"$3\"" sh ${SCDOC} ${page} ${output} VERBATIM)
    list(APPEND made ${output})
    install(FILES ${output} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  add_custom_target(manual ALL DEPENDS ${made})
endif()
